#include "worker/process/line_splitter.h"

namespace longhaul::worker::process {

void LineSplitter::feed(std::string_view bytes, const Take& take) {
  for (;;) {
    const std::size_t end = bytes.find('\n');
    keep(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    finish_line(take);
    bytes.remove_prefix(end + 1);
  }
}

void LineSplitter::end(const Take& take) {
  if (!line_.empty()) finish_line(take);
}

void LineSplitter::keep(std::string_view bytes) {
  const std::size_t room = max_line_bytes_ - line_.size();
  if (bytes.size() > room) {
    cut_ = true;
    bytes = bytes.substr(0, room);
  }
  line_.append(bytes);
}

void LineSplitter::finish_line(const Take& take) {
  std::string_view bytes = line_;
  if (!cut_ && bytes.ends_with('\r')) bytes.remove_suffix(1);
  take({bytes, cut_});
  line_.clear();
  cut_ = false;
}

}  // namespace longhaul::worker::process
