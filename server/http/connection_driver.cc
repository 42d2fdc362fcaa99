// Accepting, time, closing. Reading is in connection_reading.cc, answering in connection_answering.cc, answers
// without an end in connection_streaming.cc.
#include "server/http/connection_driver.h"

#include <sys/epoll.h>

#include <utility>

#include "base/log.h"

namespace longhaul::server {
namespace {

constexpr std::uint64_t listener_tag = EventLoop::first_own_tag - 1;
// How long a client may take nothing of its answer, and how long we wait for one to notice that we are done
// with it.
constexpr auto write_time = std::chrono::seconds(30);
constexpr auto linger_time = std::chrono::seconds(5);
constexpr auto stop_time = std::chrono::seconds(5);
constexpr auto first_request_time = std::chrono::milliseconds(250);
constexpr auto accept_pause = std::chrono::milliseconds(100);
// Clients beyond the limit that are told so at the same time; more are cut off.
constexpr std::size_t refused_connections_max = 128;
// Reads from one connection before others have their turn.
constexpr int turns_max = 16;

}  // namespace

ConnectionDriver::ConnectionDriver(const HttpServerOptions& options, EventLoop& loop,
                                   std::shared_ptr<Inbox> inbox, Router& router, Listener& listener)
    : options_(options),
      limits_{.body_bytes = options.max_body_bytes},
      loop_(loop),
      inbox_(std::move(inbox)),
      router_(router),
      listener_(listener),
      budget_(std::make_shared<BodyBudget>(options.bodies_in_flight_bytes)),
      writer_(*options.clock),
      answers_(*options.clock),
      idle_(options.idle_time),
      head_(options.head_time),
      body_(options.body_time),
      writing_(write_time),
      lingering_(linger_time),
      input_(std::make_unique<std::array<char, 64 * 1024>>()) {}

base::Result<void> ConnectionDriver::open() {
  if (!loop_.watch(listener_.fd(), EPOLLIN, listener_tag))
    return base::fail("the listening socket cannot be watched");
  return {};
}

HttpServer::Counters ConnectionDriver::counters() const {
  return {connection_count_.load(std::memory_order_relaxed), request_count_.load(std::memory_order_relaxed),
          in_flight_count_.load(std::memory_order_relaxed), answers_.counts()};
}

void ConnectionDriver::on_event(std::uint64_t tag, std::uint32_t events) {
  if (tag == listener_tag) return accept_clients();
  Connection* connection = table_.find(id_of(tag));
  if (connection == nullptr) return;
  // A reset, or both sides have ended. A client that has only finished sending (EPOLLRDHUP) still wants its
  // answer.
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) return close(*connection);
  if ((events & EPOLLRDHUP) != 0 && !connection->end_announced) {
    connection->end_announced = true;
    doubt(*connection);
  }
  if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) connection->readable = true;
  if ((events & EPOLLOUT) != 0) write_output(*connection);
  proceed(*connection);
}

void ConnectionDriver::on_answer(const std::shared_ptr<Exchange>& exchange) {
  Connection* connection = table_.find(exchange->connection);
  if (connection == nullptr || connection->exchange != exchange) return;
  deliver(*connection);
  proceed(*connection);
}

bool ConnectionDriver::on_round_end() {
  std::vector<ConnectionId> now;
  std::swap(now, to_go_on_);
  for (const ConnectionId id : now) {
    Connection* connection = table_.find(id);
    if (connection == nullptr) continue;
    connection->queued = false;
    proceed(*connection);
  }
  return !to_go_on_.empty();
}

void ConnectionDriver::accept_clients() {
  if (stopping_) return;
  const bool accepted = listener_.accept_batch(
      [this](base::UniqueFd fd, std::string peer) { admit(std::move(fd), std::move(peer)); },
      [this] { return refusal_without_connection(); });
  if (accepted) return;
  base::log_warning("no descriptor is left for new connections");
  loop_.change_watch(listener_.fd(), 0, listener_tag);
  loop_.call_at(loop_.now() + accept_pause, [this] {
    if (!stopping_) loop_.change_watch(listener_.fd(), EPOLLIN, listener_tag);
  });
}

void ConnectionDriver::admit(base::UniqueFd fd, std::string peer) {
  if (table_.size() >= options_.max_connections + refused_connections_max) return;
  Connection& connection = table_.add(std::move(fd), std::move(peer));
  ++accepted_;
  connection_count_.fetch_add(1, std::memory_order_relaxed);
  if (!loop_.watch(connection.fd.get(), EPOLLIN | EPOLLRDHUP | EPOLLET, tag_of(connection.id)))
    return close(connection);
  enter(idle_, connection);
  if (table_.size() <= options_.max_connections) return;
  refuse(connection, overloaded("The server has as many connections as it takes."));
  proceed(connection);
}

api::Problem ConnectionDriver::overloaded(std::string detail) const {
  return {api::ErrorCode::overloaded, std::move(detail), {}, {}, {}, {{"Retry-After", "1"}}};
}

void ConnectionDriver::proceed(Connection& connection) {
  for (int turn = 0; turn < turns_max; ++turn) {
    if (!settle(connection)) return;
    if (!may_read(connection) || (!connection.readable && connection.surplus == nullptr)) return;
    take_input(connection);
  }
  if (settle(connection)) go_on_later(connection);
}

void ConnectionDriver::go_on_later(Connection& connection) {
  if (connection.queued) return;
  connection.queued = true;
  to_go_on_.push_back(connection.id);
}

void ConnectionDriver::enter(DeadlineList& list, Connection& connection) {
  list.restart(connection, loop_.now());
  if (!list.timer_is_set) set_timer(list);
}

void ConnectionDriver::set_timer(DeadlineList& list) {
  list.timer_is_set = true;
  loop_.call_at(list.next_look(loop_.now()), [this, &list] { look_at(list); });
}

void ConnectionDriver::look_at(DeadlineList& list) {
  list.timer_is_set = false;
  while (list.front_is_due(loop_.now())) expire(*list.front());
  if (list.front() != nullptr && !list.timer_is_set) set_timer(list);
}

void ConnectionDriver::expire(Connection& connection) {
  DeadlineList::leave(connection);
  const bool in_request = connection.phase == Phase::head || connection.phase == Phase::body;
  if (!in_request) return close(connection);
  const char* what = connection.phase == Phase::head ? "The head of the request took too long."
                                                     : "The body of the request took too long.";
  refuse(connection, {api::ErrorCode::request_timeout, what, {}, {}, {}, {}});
  proceed(connection);
}

void ConnectionDriver::close(Connection& connection) {
  DeadlineList::leave(connection);
  drop(connection.output);
  drop(connection.surplus);
  const auto exchange = std::move(connection.exchange);
  const auto stream = std::move(connection.stream);
  table_.remove(connection);
  connection_count_.fetch_sub(1, std::memory_order_relaxed);
  if (exchange != nullptr) {
    in_flight_count_.fetch_sub(1, std::memory_order_relaxed);
    const auto hang_up = std::exchange(exchange->hang_up, nullptr);
    // There is nobody left to answer: what the responders still do is dropped, and that is no fault of
    // theirs.
    const bool was_answered = exchange->answered.exchange(true, std::memory_order_acq_rel);
    if (!was_answered) {
      base::log_debug("a client hung up before its answer",
                      {{"request_id", exchange->request_id}, {"path", exchange->path}});
    }
    if (hang_up && !was_answered) hang_up();
  }
  if (stream != nullptr) stream->on_gone();
  if (stopping_ && table_.size() == 0) loop_.quit();
}

void ConnectionDriver::set_max_body_bytes(std::size_t bytes) {
  limits_.body_bytes = bytes;
  spare_receivings_.clear();
}

// For them the server was there: what they sent with their connection waits in their sockets.
void ConnectionDriver::accept_the_last() {
  std::uint64_t before = 0;
  do {
    before = accepted_;
    accept_clients();
  } while (accepted_ != before);
}

// A request may wait in its socket, unseen so far. With nothing there it is of no more use, unless it has just been
// made, to send its first one.
void ConnectionDriver::serve_once_more(Connection& connection) {
  if (connection.phase == Phase::lingering) return end_linger(connection);
  if (connection.phase != Phase::idle) {
    const bool is_being_read = connection.phase == Phase::head || connection.phase == Phase::body;
    if (!is_being_read) connection.close_when_written = true;
    return;
  }
  const ConnectionId id = connection.id;
  connection.readable = true;
  proceed(connection);
  Connection* const still = table_.find(id);
  if (still != nullptr && still->phase == Phase::idle && !still->queued && still->served) close(*still);
}

void ConnectionDriver::begin_stop() {
  accept_the_last();
  draining_ = stopping_ = true;
  listener_.close();
  table_.for_each([this](Connection& connection) { serve_once_more(connection); });
  if (table_.size() == 0) return loop_.quit();
  loop_.call_at(loop_.now() + first_request_time, [this] {
    table_.for_each([this](Connection& connection) {
      if (connection.phase == Phase::idle) close(connection);
    });
  });
  loop_.call_at(loop_.now() + stop_time,
                [this] { table_.for_each([this](Connection& connection) { close(connection); }); });
}

}  // namespace longhaul::server
