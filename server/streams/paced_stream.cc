#include "server/streams/paced_stream.h"

#include <limits>
#include <utility>

#include "api/limits.h"

namespace longhaul::server {

bool PacedStream::push(SharedText text) {
  // The last one may be of any size: a task's result is.
  const bool is_too_much = waiting_bytes_ > api::limits::stream_waiting_bytes;
  const bool is_too_much_of_all =
      budget_.waiting_bytes + text->size() > api::limits::streams_waiting_bytes && stream_.unsent() > 0;
  if (is_too_much || is_too_much_of_all) {
    drop_waiting();
    return false;
  }
  waiting_bytes_ += text->size();
  budget_.waiting_bytes += text->size();
  waiting_.push_back(std::move(text));
  return true;
}

std::string PacedStream::take_waiting(std::size_t enough) {
  std::string out;
  while (!waiting_.empty() && out.size() < enough) {
    out += *waiting_.front();
    waiting_bytes_ -= waiting_.front()->size();
    budget_.waiting_bytes -= waiting_.front()->size();
    waiting_.pop_front();
  }
  return out;
}

void PacedStream::pump() {
  while (!waiting_.empty() && stream_.unsent() == 0) {
    if (waiting_.size() == 1) {  // the usual case: sent from where it is
      const SharedText only = waiting_.front();
      drop_waiting();
      return stream_.write(*only);
    }
    stream_.write(take_waiting(piece_bytes));
  }
}

void PacedStream::finish(std::string_view last) {
  stream_.write(take_waiting(std::numeric_limits<std::size_t>::max()));
  stream_.write(last);
  stream_.finish();
}

void PacedStream::drop_waiting() {
  budget_.waiting_bytes -= waiting_bytes_;
  waiting_bytes_ = 0;
  waiting_ = {};
}

}  // namespace longhaul::server
