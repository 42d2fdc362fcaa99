// Of ConnectionDriver: answers without an end, and clients that may be gone.
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "server/http/connection_driver.h"

namespace longhaul::server {
namespace {

// A client that half-closes and is answered soon never hears of our doubts.
constexpr auto doubt_time = std::chrono::milliseconds(250);
constexpr std::string_view proof_of_life = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

void ByteStream::write(std::string_view bytes) const {
  if (driver_ != nullptr) driver_->write_stream(connection_, bytes);
}

std::size_t ByteStream::unsent() const { return driver_ == nullptr ? 0 : driver_->unsent_of(connection_); }

void ByteStream::finish() const {
  if (driver_ != nullptr) driver_->finish_stream(connection_);
}

void ConnectionDriver::open_stream(Connection& connection, const std::shared_ptr<Exchange>& exchange) {
  writer_.append_stream_head(out_, exchange->response, exchange->request_id, exchange->extra);
  if (exchange->framing.is_head) {
    connection.close_when_written = true;
    return;
  }
  connection.phase = Phase::streaming;
  connection.stream = std::move(exchange->stream);
  flush(connection);
  if (connection.output != nullptr) enter(writing_, connection);
  connection.stream->on_open(ByteStream(*this, connection.id));
}

Connection* ConnectionDriver::find_stream(ConnectionId id) {
  Connection* const connection = table_.find(id);
  return connection != nullptr && connection->phase == Phase::streaming ? connection : nullptr;
}

// Not through out_, which may hold answers of another connection just now.
void ConnectionDriver::write_stream(ConnectionId id, std::string_view bytes) {
  Connection* const connection = find_stream(id);
  if (connection == nullptr || connection->broken || bytes.empty()) return;
  std::size_t sent = 0;
  if (connection->output == nullptr) {
    const ssize_t count = ::send(connection->fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      sent = static_cast<std::size_t>(count);
    } else if (errno != EAGAIN && errno != EINTR) {
      connection->broken = true;
    }
  }
  if (!connection->broken && sent < bytes.size()) {
    if (connection->output == nullptr) enter(writing_, *connection);
    keep_output(*connection, std::string(bytes.substr(sent)), 0);
  }
  if (connection->broken) go_on_later(*connection);
}

std::size_t ConnectionDriver::unsent_of(ConnectionId id) {
  const Connection* const connection = table_.find(id);
  return connection == nullptr || connection->output == nullptr ? 0 : connection->output->rest().size();
}

void ConnectionDriver::finish_stream(ConnectionId id) {
  Connection* const connection = find_stream(id);
  if (connection == nullptr) return;
  connection->phase = Phase::idle;
  connection->close_when_written = true;
  DeadlineList::leave(*connection);
  go_on_later(*connection);
}

void ConnectionDriver::on_stream_written(Connection& connection) {
  if (connection.output != nullptr) return enter(writing_, connection);
  DeadlineList::leave(connection);
  const auto handler = connection.stream;  // which may let go of itself
  handler->on_writable();
}

// The end of a client's side looks the same whether it still listens or not. What is sent to one that does not
// comes back as a reset.
void ConnectionDriver::doubt(Connection& connection) {
  if (connection.phase != Phase::in_flight || connection.exchange->framing.minor_version == 0) return;
  const auto exchange = connection.exchange;
  loop_.call_at(loop_.now() + doubt_time, [this, exchange] {
    Connection* const asked = table_.find(exchange->connection);
    if (asked == nullptr || asked->exchange != exchange || !exchange->hang_up || asked->output != nullptr)
      return;
    const ssize_t count =
        ::send(asked->fd.get(), proof_of_life.data(), proof_of_life.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN && errno != EINTR) close(*asked);
  });
}

}  // namespace longhaul::server
