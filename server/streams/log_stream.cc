#include "server/streams/log_stream.h"

#include <string>

namespace longhaul::server {

void LogStream::start() {
  hub_.follow(id_, this);
  read_on();
}

void LogStream::on_writable() {
  SseStream::on_writable();
  read_on();
}

void LogStream::on_log_news() {
  has_news_ = true;
  read_on();
}

void LogStream::read_on() {
  if (!has_news_ || is_reading_ || is_over() || !has_room()) return;
  has_news_ = false;
  is_reading_ = hub_.read(id_, last_, [weak = weak_from_this()](const LogPiece& piece) {
    if (const auto self = weak.lock()) self->take(piece);
  });
  if (!is_reading_) finish("overloaded");
}

void LogStream::take(const LogPiece& piece) {
  is_reading_ = false;
  if (is_over()) return;
  if (!piece.is_read) return finish("unavailable");
  last_ = piece.last;
  if (!piece.events->empty()) {
    push(piece.events);
    pump();
  }
  if (piece.is_final && !piece.may_have_more) {
    // With an id also where there is no line, so that a client that comes back says where it was.
    push(sse_event(std::to_string(last_), "end",
                   piece.truncated ? R"({"truncated": true})" : R"({"truncated": false})"));
    return finish({});
  }
  has_news_ = has_news_ || piece.may_have_more;
  read_on();
}

}  // namespace longhaul::server
