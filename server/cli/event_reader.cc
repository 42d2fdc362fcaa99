#include "server/cli/event_reader.h"

#include <utility>

namespace longhaul::server {

bool EventReader::feed(std::string_view bytes, const Take& take) {
  while (!bytes.empty()) {
    if (std::exchange(skips_line_feed_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    line_ += bytes.substr(0, end);
    if (line_.size() + data_.size() > max_event_bytes) return false;
    if (end == std::string_view::npos) return true;
    skips_line_feed_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (!take_line(std::exchange(line_, {}), take)) return false;
  }
  return true;
}

void EventReader::begin_anew() {
  line_.clear();
  name_.clear();
  data_.clear();
  id_ = last_id_;
  skips_line_feed_ = false;
}

bool EventReader::take_line(std::string_view line, const Take& take) {
  if (line.empty()) return dispatch(take);
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") name_ = value;
  if (field == "data") data_.append(value).append("\n");
  if (field == "id" && value.find('\0') == std::string_view::npos) id_ = value;
  return true;
}

bool EventReader::dispatch(const Take& take) {
  last_id_ = id_;
  ServerEvent event{std::exchange(name_, {}), std::exchange(data_, {})};
  if (event.data.empty()) return true;
  event.data.pop_back();
  if (event.name.empty()) event.name = "message";
  return take(event);
}

}  // namespace longhaul::server
