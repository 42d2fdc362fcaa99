#include "server/streams/open_streams.h"

#include <future>
#include <vector>

namespace longhaul::server {

bool OpenStreams::enter(OpenStream* stream, StreamKind kind) {
  streams_.insert(stream);
  open_[static_cast<std::size_t>(kind)].fetch_add(1, std::memory_order_relaxed);
  return !closed_;
}

void OpenStreams::leave(OpenStream* stream, StreamKind kind) {
  if (streams_.erase(stream) == 0) return;
  open_[static_cast<std::size_t>(kind)].fetch_sub(1, std::memory_order_relaxed);
}

void OpenStreams::close() {
  std::promise<void> ended;
  server_.post([this, &ended] {
    closed_ = true;
    const std::vector<OpenStream*> streams(streams_.begin(), streams_.end());
    for (OpenStream* const stream : streams) {
      if (streams_.count(stream) > 0) stream->on_server_stop();
    }
    ended.set_value();
  });
  ended.get_future().wait();
}

}  // namespace longhaul::server
