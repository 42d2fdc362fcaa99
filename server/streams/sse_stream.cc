#include "server/streams/sse_stream.h"

#include <algorithm>
#include <chrono>

#include "server/auth/ascii.h"
#include "server/auth/header_list.h"

namespace longhaul::server {
namespace {

constexpr auto heartbeat_time = std::chrono::seconds(15);
// How long a client waits before it comes back, in milliseconds.
constexpr std::string_view greeting = "retry: 2000\n\n";

// "q=0", "q=0.000": not this one (RFC 9110, section 12.4.2).
bool refuses(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::size_t end = parameters.find(';');
    const std::string_view parameter = trim(parameters.substr(0, end));
    if (parameter.size() > 2 && equal_ignoring_case(parameter.substr(0, 2), "q=") &&
        parameter.find_first_not_of("0.", 2) == std::string_view::npos)
      return true;
    parameters = end == std::string_view::npos ? std::string_view() : parameters.substr(end + 1);
  }
  return false;
}

}  // namespace

std::string sse_event(std::string_view id, std::string_view name, std::string_view data) {
  std::string out;
  out.reserve(id.size() + name.size() + data.size() + 24);
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  out.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
  return out;
}

Response sse_head() {
  Response head;
  head.content_type = "text/event-stream";
  head.headers = {{"Cache-Control", "private, no-cache"}, {"Vary", "Accept"}, {"X-Accel-Buffering", "no"}};
  return head;
}

bool wants_event_stream(const Request& request) {
  const auto ranges = words_of_header(request, "Accept");
  return std::any_of(ranges.begin(), ranges.end(), [](std::string_view range) {
    const std::size_t end = range.find(';');
    return equal_ignoring_case(trim(range.substr(0, end)), "text/event-stream") &&
           (end == std::string_view::npos || !refuses(range.substr(end + 1)));
  });
}

SseStream::SseStream(OpenStreams& streams, StreamKind kind, const base::Clock& clock)
    : streams_(streams), kind_(kind), clock_(clock), pace_(streams.budget()) {
  static_cast<void>(
      pace_.push(std::make_shared<const std::string>(greeting)));  // the first there is always room for
}

void SseStream::on_open(ByteStream stream) {
  pace_.open(stream);
  is_open_ = true;
  if (!streams_.enter(this, kind_)) return on_server_stop();
  if (is_over_) return say_goodbye();
  set_heartbeat();
  on_writable();  // there may be more than was pushed
}

void SseStream::set_heartbeat() {
  timer_ = streams_.server().call_at(clock_.boot() + heartbeat_time, [this] {
    timer_ = 0;
    push(heartbeat());
    pump();
    if (!is_over_) set_heartbeat();
  });
}

void SseStream::push(SharedText text) {
  if (!is_over_ && !pace_.push(std::move(text))) cut();
}

void SseStream::cut() {
  if (is_over_) return;
  streams_.note_cut();
  finish("too_slow");
}

// A client that is gone answers this with a reset.
void SseStream::on_end() {
  push(std::string(":\n\n"));
  pump();
}

void SseStream::finish(std::string_view reason) {
  if (is_over_) return;
  is_over_ = true;
  if (!reason.empty()) goodbye_ = sse_event({}, "closing", R"({"reason": ")" + std::string(reason) + "\"}");
  on_over();
  if (is_open_) say_goodbye();
}

void SseStream::say_goodbye() {
  streams_.leave(this, kind_);
  streams_.server().cancel_timer(timer_);
  pace_.finish(goodbye_);
}

void SseStream::on_server_stop() {
  if (is_over_) return say_goodbye();
  finish("server_stopping");
}

void SseStream::on_gone() {
  streams_.leave(this, kind_);
  streams_.server().cancel_timer(timer_);
  if (is_over_) return;
  is_over_ = true;
  on_over();
}

}  // namespace longhaul::server
