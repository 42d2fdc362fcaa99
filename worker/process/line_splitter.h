// Cuts a stream of bytes into lines, however long they are, in bounded memory: of a line that is longer than
// the limit the start is kept, the rest is passed over.
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace longhaul::worker::process {

class LineSplitter {
 public:
  explicit LineSplitter(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  struct Line {
    std::string_view bytes;  // without its end ("\n" or "\r\n"); valid during the call
    bool cut = false;
  };
  using Take = std::function<void(const Line&)>;

  void feed(std::string_view bytes, const Take& take);
  // The last line, when the stream did not end with a line's end.
  void end(const Take& take);

 private:
  void keep(std::string_view bytes);
  void finish_line(const Take& take);

  const std::size_t max_line_bytes_;
  std::string line_;
  bool cut_ = false;
};

}  // namespace longhaul::worker::process
