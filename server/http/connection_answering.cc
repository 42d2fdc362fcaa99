// Of ConnectionDriver: from an answer to bytes in the socket, and what comes after.
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <utility>

#include "server/http/connection_driver.h"

namespace longhaul::server {
namespace {

// Bodies up to here are copied behind their head; greater ones are written from where they are.
constexpr std::size_t copied_body_bytes = 16 * 1024;
// All that waits in memory for clients to read or for their turn. The client that makes it more is cut off.
constexpr std::size_t buffered_bytes_max = 256u * 1024 * 1024;
constexpr std::size_t kept_out_capacity = 256 * 1024;

// Closing a socket with unread bytes cuts off the answer that was written to it.
bool has_unread_bytes(const Connection& connection) {
  int count = 0;
  return ::ioctl(connection.fd.get(), FIONREAD, &count) == 0 && count > 0;
}

}  // namespace

// Writes what there is to write and closes what has come to its end. False: the connection waits, or is gone.
bool ConnectionDriver::settle(Connection& connection) {
  flush(connection);
  if (connection.broken) {
    close(connection);
    return false;
  }
  if (connection.output != nullptr) {
    if (connection.phase == Phase::idle) {
      connection.phase = Phase::writing;
      enter(writing_, connection);
    }
    return connection.phase == Phase::draining || connection.phase == Phase::streaming;
  }
  if (connection.phase == Phase::writing) connection.phase = Phase::idle;
  if (connection.phase != Phase::idle) return connection.phase != Phase::in_flight;
  if (connection.close_when_written) {
    begin_linger(connection);
    return connection.phase == Phase::lingering;
  }
  if (connection.list != &idle_) enter(idle_, connection);
  return true;
}

void ConnectionDriver::begin_linger(Connection& connection) {
  if ((stopping_ && !has_unread_bytes(connection)) || connection.end_read ||
      ::shutdown(connection.fd.get(), SHUT_WR) != 0)
    return close(connection);
  release_receiving(connection);
  drop(connection.surplus);
  connection.phase = Phase::lingering;
  enter(lingering_, connection);
}

// With the server about to go, unless that would cut off what was said.
void ConnectionDriver::end_linger(Connection& connection) {
  if (!has_unread_bytes(connection)) close(connection);
}

void ConnectionDriver::deliver(Connection& connection) {
  const auto exchange = std::move(connection.exchange);
  exchange->hang_up = nullptr;
  in_flight_count_.fetch_sub(1, std::memory_order_relaxed);
  connection.phase = Phase::idle;
  answers_.note({exchange->method, exchange->path, exchange->request_id, exchange->response.status,
                 exchange->response.task_id, exchange->began});
  if (exchange->stream != nullptr) return open_stream(connection, exchange);
  append_answer(connection, std::move(exchange->response), exchange->framing, exchange->request_id,
                exchange->extra);
}

void ConnectionDriver::append_answer(Connection& connection, Response response, AnswerFraming framing,
                                     std::string_view request_id, const Headers& extra) {
  framing.keep_alive = framing.keep_alive && !draining_;
  if (!framing.keep_alive) connection.close_when_written = true;
  if (!writer_.append_head(out_, response, framing, request_id, extra)) return;
  if (response.body.size() <= copied_body_bytes) {
    out_.append(response.body);
  } else {
    flush(connection, std::move(response.body));
  }
}

void ConnectionDriver::flush(Connection& connection, std::string body) {
  const std::size_t total = out_.size() + body.size();
  if (total == 0) return;
  std::size_t sent = 0;
  if (connection.output == nullptr && !connection.broken) {
    std::array<iovec, 2> parts{iovec{out_.data(), out_.size()}, iovec{body.data(), body.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t count = body.empty() ? ::send(connection.fd.get(), out_.data(), out_.size(), MSG_NOSIGNAL)
                                       : ::sendmsg(connection.fd.get(), &message, MSG_NOSIGNAL);
    if (count >= 0) {
      sent = static_cast<std::size_t>(count);
    } else if (errno != EAGAIN && errno != EINTR) {
      connection.broken = true;
    }
  }
  if (!connection.broken && sent < out_.size()) {
    keep_output(connection, out_.substr(sent) + body, 0);
  } else if (!connection.broken && sent < total) {
    keep_output(connection, std::move(body), sent - out_.size());
  }
  out_.clear();
  if (out_.capacity() > kept_out_capacity) out_ = std::string();
}

void ConnectionDriver::keep_output(Connection& connection, std::string bytes, std::size_t begin) {
  keep(connection, connection.output, std::move(bytes), begin);
  if (connection.watches_writing) return;
  connection.watches_writing = true;
  loop_.change_watch(connection.fd.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, tag_of(connection.id));
}

void ConnectionDriver::write_output(Connection& connection) {
  while (connection.output != nullptr) {
    const std::string_view rest = connection.output->rest();
    const ssize_t count = ::send(connection.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) connection.broken = true;
      return;
    }
    connection.output->begin += static_cast<std::size_t>(count);
    if (connection.output->rest().empty()) drop(connection.output);
    if (connection.phase == Phase::writing) enter(writing_, connection);
    if (connection.phase == Phase::streaming) on_stream_written(connection);
  }
}

void ConnectionDriver::keep(Connection& connection, std::unique_ptr<ByteQueue>& queue, std::string bytes,
                            std::size_t begin) {
  if (queue == nullptr) {
    buffered_bytes_ += bytes.size();
    queue = std::make_unique<ByteQueue>(ByteQueue{std::move(bytes), begin});
  } else {
    buffered_bytes_ += bytes.size() - begin;
    queue->bytes.append(bytes, begin);
  }
  if (buffered_bytes_ > buffered_bytes_max) connection.broken = true;
}

void ConnectionDriver::drop(std::unique_ptr<ByteQueue>& queue) {
  if (queue == nullptr) return;
  buffered_bytes_ -= queue->bytes.size();
  queue.reset();
}

void ConnectionDriver::note_refusal(const Request& request, const api::Problem& problem) {
  answers_.note({method_of(request.method), request.path, request.request_id, api::info(problem.code).status,
                 std::nullopt, std::nullopt});
}

std::string ConnectionDriver::refusal_without_connection() {
  Request request;
  request_ids_.assign(request);
  const api::Problem problem = overloaded("The server has no descriptor left for another connection.");
  const Response response = to_response(problem, request.request_id);
  note_refusal(request, problem);
  std::string out;
  if (writer_.append_head(out, response, {1, false, false}, request.request_id, {}))
    out.append(response.body);
  return out;
}

}  // namespace longhaul::server
