// Drives every connection through its requests: reads, frames, asks the gate, calls the handler, writes the
// answer, and closes what is too slow, too much or gone. One connection has one request in flight; what it
// sends meanwhile stays in the socket, or in a bounded surplus if it came along with the request.
//
// Thread-safety: made and configured before the loop runs, then the loop's thread only; counters() from any
// thread. Ownership: loop, router, listener and clock must outlive it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/answer_log.h"
#include "server/http/body_budget.h"
#include "server/http/connection_table.h"
#include "server/http/deadline_list.h"
#include "server/http/event_loop.h"
#include "server/http/http_server.h"
#include "server/http/listener.h"
#include "server/http/request_id.h"
#include "server/http/response_writer.h"
#include "server/http/router.h"

namespace longhaul::server {

class ConnectionDriver final : public EventSink {
 public:
  ConnectionDriver(const HttpServerOptions& options, EventLoop& loop, std::shared_ptr<Inbox> inbox,
                   Router& router, Listener& listener);
  void set_gate(Gate gate) { gate_ = std::move(gate); }

  // Starts to accept.
  [[nodiscard]] base::Result<void> open();
  void set_max_body_bytes(std::size_t bytes);
  void begin_drain() { draining_ = true; }
  // Takes those who have connected already, and no more; answers what has come, or begun to come, for a while;
  // closes all connections; ends the loop.
  void begin_stop();

  void on_event(std::uint64_t tag, std::uint32_t events) override;
  void on_answer(const std::shared_ptr<Exchange>& exchange) override;
  [[nodiscard]] bool on_round_end() override;

  [[nodiscard]] HttpServer::Counters counters() const;

  // What a ByteStream does; see there.
  void write_stream(ConnectionId id, std::string_view bytes);
  [[nodiscard]] std::size_t unsent_of(ConnectionId id);
  void finish_stream(ConnectionId id);

 private:
  // Accepting and closing: connection_driver.cc
  void accept_clients();
  void accept_the_last();
  void serve_once_more(Connection& connection);
  void admit(base::UniqueFd fd, std::string peer);
  [[nodiscard]] api::Problem overloaded(std::string detail) const;
  void close(Connection& connection);
  void enter(DeadlineList& list, Connection& connection);
  void set_timer(DeadlineList& list);
  void look_at(DeadlineList& list);
  void expire(Connection& connection);

  // Going on: what is to be written first, then what is to be read.
  void proceed(Connection& connection);
  void go_on_later(Connection& connection);

  // Reading: connection_reading.cc
  [[nodiscard]] static bool may_read(const Connection& connection);
  void take_input(Connection& connection);
  void on_end(Connection& connection);
  [[nodiscard]] std::size_t consume(Connection& connection, std::string_view bytes);
  void advance(Connection& connection, bool more_at_hand);
  void begin_body(Connection& connection, bool more_at_hand);
  [[nodiscard]] bool pass_gate(Connection& connection);
  [[nodiscard]] std::optional<api::Problem> ask_gate(Receiving& receiving);
  void refuse_early(Connection& connection, const api::Problem& problem);
  void refuse(Connection& connection, const api::Problem& problem);
  void charge_body(Connection& connection);
  void dispatch(Connection& connection);
  void call_handler(const Handler& handler, const Request& request,
                    const std::shared_ptr<Exchange>& exchange) const;
  [[nodiscard]] Response answer_unrouted(const Request& request, std::string_view encoded_path);
  [[nodiscard]] Receiving& receiving_of(Connection& connection);
  void release_receiving(Connection& connection);

  // Answering: connection_answering.cc
  [[nodiscard]] bool settle(Connection& connection);
  void deliver(Connection& connection);
  void append_answer(Connection& connection, Response response, AnswerFraming framing,
                     std::string_view request_id, const Headers& extra);
  void flush(Connection& connection, std::string body = {});
  void keep_output(Connection& connection, std::string bytes, std::size_t begin);
  void write_output(Connection& connection);
  void keep(Connection& connection, std::unique_ptr<ByteQueue>& queue, std::string bytes, std::size_t begin);
  void drop(std::unique_ptr<ByteQueue>& queue);
  void begin_linger(Connection& connection);
  void end_linger(Connection& connection);
  [[nodiscard]] std::string refusal_without_connection();

  // Streaming: connection_streaming.cc
  void open_stream(Connection& connection, const std::shared_ptr<Exchange>& exchange);
  [[nodiscard]] Connection* find_stream(ConnectionId id);
  void on_stream_written(Connection& connection);
  void doubt(Connection& connection);

  // Of a request that no handler has seen.
  void note_refusal(const Request& request, const api::Problem& problem);

  const HttpServerOptions options_;
  FramerLimits limits_;
  EventLoop& loop_;
  const std::shared_ptr<Inbox> inbox_;
  Router& router_;
  Listener& listener_;
  Gate gate_;

  const std::shared_ptr<BodyBudget> budget_;
  ResponseWriter writer_;
  AnswerLog answers_;
  RequestIds request_ids_;
  DeadlineList idle_;
  DeadlineList head_;
  DeadlineList body_;
  DeadlineList writing_;
  DeadlineList lingering_;
  ConnectionTable table_;

  std::string out_;  // answers of the connection at hand, until flush()
  std::unique_ptr<std::array<char, 64 * 1024>> input_;
  std::vector<std::unique_ptr<Receiving>> spare_receivings_;
  std::vector<ConnectionId> to_go_on_;
  std::size_t buffered_bytes_ = 0;  // of all surplus and output
  std::uint64_t accepted_ = 0;      // connections so far
  bool draining_ = false;           // no connection is kept after its answer
  bool stopping_ = false;

  std::atomic<std::int64_t> connection_count_{0};
  std::atomic<std::int64_t> request_count_{0};
  std::atomic<std::int64_t> in_flight_count_{0};
};

}  // namespace longhaul::server
