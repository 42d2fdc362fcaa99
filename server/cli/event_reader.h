// Reads server-sent events out of bytes as they come (the HTML standard, section 9.2.6). A value; one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace longhaul::server {

struct ServerEvent {
  std::string name;  // "message" when it has none
  std::string data;
};

class EventReader {
 public:
  // An event may have so much; more of one is no event of a longhaul server.
  static constexpr std::size_t max_event_bytes = 256u * 1024 * 1024;
  // False: no more is wanted.
  using Take = std::function<bool(const ServerEvent&)>;

  // False: `take` wants no more, or the bytes are no events.
  [[nodiscard]] bool feed(std::string_view bytes, const Take& take);
  // The connection is gone: what was begun is not an event. The last id is kept.
  void begin_anew();
  // What to come back with; empty before the first id.
  [[nodiscard]] const std::string& last_id() const { return last_id_; }

 private:
  [[nodiscard]] bool take_line(std::string_view line, const Take& take);
  [[nodiscard]] bool dispatch(const Take& take);

  std::string line_;
  bool skips_line_feed_ = false;  // the line before ended in a carriage return
  std::string name_;
  std::string data_;
  std::string id_;  // of the event that is being read; stands when it is over
  std::string last_id_;
};

}  // namespace longhaul::server
