// Of ConnectionDriver: from bytes to a handler.
#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "base/log.h"
#include "server/http/connection_driver.h"

namespace longhaul::server {
namespace {

// Read at once while a head is expected: what a client may send ahead of its answers.
constexpr std::size_t head_read_bytes = 16 * 1024;
// A client that we are done with may still send this much while it finds out.
constexpr std::size_t lingered_bytes_max = 32 * 1024 * 1024;
constexpr std::size_t spare_receivings_max = 64;
// Answers to requests sent in one go are collected up to here before they are written.
constexpr std::size_t collected_bytes_max = 64 * 1024;

AnswerFraming framing_of(const RequestFramer& framer) {
  return {framer.framing().minor_version, framer.framing().is_head, framer.framing().keep_alive};
}

}  // namespace

bool ConnectionDriver::may_read(const Connection& connection) {
  switch (connection.phase) {
    case Phase::idle:
    case Phase::head:
    case Phase::body:
    case Phase::draining:
    case Phase::streaming:
    case Phase::lingering: return true;
    case Phase::unused:
    case Phase::in_flight:
    case Phase::writing: return false;
  }
  return false;
}

Receiving& ConnectionDriver::receiving_of(Connection& connection) {
  if (connection.receiving == nullptr) {
    if (spare_receivings_.empty()) {
      connection.receiving = std::make_unique<Receiving>(limits_, budget_);
    } else {
      connection.receiving = std::move(spare_receivings_.back());
      spare_receivings_.pop_back();
    }
  }
  return *connection.receiving;
}

void ConnectionDriver::release_receiving(Connection& connection) {
  if (connection.receiving == nullptr) return;
  connection.receiving->framer.reset();
  connection.receiving->extra.clear();
  connection.receiving->charge.release();
  const bool is_up_to_date = connection.receiving->body_bytes_max == limits_.body_bytes;
  if (is_up_to_date && spare_receivings_.size() < spare_receivings_max) {
    spare_receivings_.push_back(std::move(connection.receiving));
  } else {
    connection.receiving.reset();
  }
}

void ConnectionDriver::take_input(Connection& connection) {
  if (connection.surplus != nullptr) {
    connection.surplus->begin += consume(connection, connection.surplus->rest());
    if (connection.surplus->rest().empty()) drop(connection.surplus);
    return;
  }
  const bool in_head = connection.phase == Phase::idle || connection.phase == Phase::head;
  const std::size_t wanted = in_head ? head_read_bytes : input_->size();
  const ssize_t count = ::recv(connection.fd.get(), input_->data(), wanted, 0);
  if (count == 0) return on_end(connection);
  if (count < 0) {
    connection.readable = errno == EINTR;
    if (errno != EINTR && errno != EAGAIN) connection.broken = true;
    return;
  }
  const std::string_view bytes(input_->data(), static_cast<std::size_t>(count));
  // Less than was asked for means that there was no more, so the next edge will be seen; an end that is known
  // must still be read.
  connection.readable = bytes.size() == wanted || connection.end_announced;
  if (connection.phase == Phase::lingering) {
    connection.lingered_bytes += bytes.size();
    connection.broken = connection.lingered_bytes > lingered_bytes_max;
    return;
  }
  const std::size_t used = consume(connection, bytes);
  if (used < bytes.size()) keep(connection, connection.surplus, std::string(bytes.substr(used)), 0);
}

// The client has ended its side. What it wanted has been answered, or will never be whole.
void ConnectionDriver::on_end(Connection& connection) {
  connection.end_read = true;
  connection.readable = false;
  if (connection.phase == Phase::streaming) {
    const auto handler = connection.stream;
    return handler->on_end();
  }
  if (connection.output == nullptr) {
    connection.broken = true;
  } else {
    connection.close_when_written = true;  // draining, while its answer is on the way
    connection.phase = Phase::writing;
  }
}

// Stops where the connection has to wait: for a handler, for its client to read, for its turn to write.
std::size_t ConnectionDriver::consume(Connection& connection, std::string_view bytes) {
  const std::size_t size = bytes.size();
  while (!bytes.empty() && may_read(connection) && !connection.broken && out_.size() < collected_bytes_max) {
    if (connection.close_when_written && connection.phase == Phase::idle)
      return size;  // nobody will answer the rest
    if (connection.output != nullptr && connection.phase == Phase::idle)
      break;  // the client has to read before it is answered any further
    if (connection.phase == Phase::streaming) {
      const auto handler = connection.stream;
      handler->on_bytes(bytes);
      return size;
    }
    bytes.remove_prefix(receiving_of(connection).framer.feed(bytes));
    advance(connection, !bytes.empty());
  }
  return size - bytes.size();
}

void ConnectionDriver::advance(Connection& connection, bool more_at_hand) {
  RequestFramer& framer = connection.receiving->framer;
  const bool head_is_new = connection.phase == Phase::idle || connection.phase == Phase::head;
  switch (framer.progress()) {
    case RequestFramer::Progress::head:
      if (connection.phase == Phase::head) return;
      connection.phase = Phase::head;
      return enter(head_, connection);
    case RequestFramer::Progress::body:
      if (head_is_new) return begin_body(connection, more_at_hand);
      return charge_body(connection);
    case RequestFramer::Progress::complete:
      if (connection.phase == Phase::draining) {
        connection.phase = Phase::idle;
        DeadlineList::leave(connection);
        return release_receiving(connection);
      }
      if (head_is_new && !pass_gate(connection)) return;
      charge_body(connection);
      if (connection.phase != Phase::idle) dispatch(connection);
      return;
    case RequestFramer::Progress::refused:
      if (connection.phase != Phase::draining) return refuse(connection, framer.problem());
      connection.close_when_written = true;  // the answer has been given
      connection.phase = Phase::idle;
      DeadlineList::leave(connection);
      return;
  }
}

bool ConnectionDriver::pass_gate(Connection& connection) {
  Receiving& receiving = *connection.receiving;
  Request& request = receiving.framer.request();
  request_ids_.assign(request);
  request.peer = connection.peer;
  auto problem = ask_gate(receiving);
  if (const auto fault = receiving.framer.query_fault(); !problem && !fault.empty()) {
    problem = api::Problem{api::ErrorCode::malformed_request, std::string(fault), {}, {}, {}, {}};
  }
  if (!problem) {
    connection.phase = Phase::body;
    return true;
  }
  refuse_early(connection, *problem);
  return false;
}

std::optional<api::Problem> ConnectionDriver::ask_gate(Receiving& receiving) {
  if (!gate_) return std::nullopt;
  try {
    return gate_(receiving.framer.request(), receiving.extra);
  } catch (const std::exception& error) {
    base::log_error("the gate threw",
                    {{"request_id", receiving.framer.request().request_id}, {"error", error.what()}});
  } catch (...) {
    base::log_error("the gate threw", {{"request_id", receiving.framer.request().request_id}});
  }
  return api::Problem{api::ErrorCode::internal_error, "The request could not be judged.", {}, {}, {}, {}};
}

void ConnectionDriver::begin_body(Connection& connection, bool more_at_hand) {
  if (!pass_gate(connection)) return;
  RequestFramer& framer = connection.receiving->framer;
  framer.begin_body();
  if (framer.progress() == RequestFramer::Progress::refused) return refuse(connection, framer.problem());
  if (!budget_->has_room_for(static_cast<std::size_t>(framer.framing().content_length))) {
    return refuse(connection, overloaded("The bodies of the requests in hand leave no room for this one."));
  }
  enter(body_, connection);
  if (framer.framing().expects_continue && !more_at_hand) out_.append("HTTP/1.1 100 Continue\r\n\r\n");
}

void ConnectionDriver::charge_body(Connection& connection) {
  Receiving& receiving = *connection.receiving;
  if (receiving.charge.grow_to(receiving.framer.request().body.size())) return;
  refuse(connection, overloaded("The bodies of the requests in hand leave no room for this one."));
}

// Refused by its head. Where the body is announced soundly and comes anyway, it is dropped and the connection
// goes on.
void ConnectionDriver::refuse_early(Connection& connection, const api::Problem& problem) {
  Receiving& receiving = *connection.receiving;
  const RequestFramer::Framing& framing = receiving.framer.framing();
  const bool has_body = receiving.framer.progress() == RequestFramer::Progress::body;
  // A client that asked first may now send the body or leave it out: nobody can tell what its next byte
  // means.
  if (!framing.keep_alive || framing.expects_continue) return refuse(connection, problem);
  if (has_body) {
    receiving.framer.discard_body();
    receiving.framer.begin_body();
    if (receiving.framer.progress() == RequestFramer::Progress::refused) return refuse(connection, problem);
  }
  const std::string& request_id = receiving.framer.request().request_id;
  note_refusal(receiving.framer.request(), problem);
  append_answer(connection, to_response(problem, request_id), framing_of(receiving.framer), request_id,
                receiving.extra);
  if (has_body) {
    connection.phase = Phase::draining;
    return enter(body_, connection);
  }
  connection.phase = Phase::idle;
  DeadlineList::leave(connection);
  release_receiving(connection);
}

// Answers and closes.
void ConnectionDriver::refuse(Connection& connection, const api::Problem& problem) {
  Receiving& receiving = receiving_of(connection);
  Request& request = receiving.framer.request();
  request_ids_.assign(request);
  AnswerFraming framing = framing_of(receiving.framer);
  framing.keep_alive = false;
  note_refusal(request, problem);
  append_answer(connection, to_response(problem, request.request_id), framing, request.request_id,
                receiving.extra);
  connection.phase = Phase::idle;
  DeadlineList::leave(connection);
  release_receiving(connection);
}

void ConnectionDriver::dispatch(Connection& connection) {
  Receiving& receiving = *connection.receiving;
  Request& request = receiving.framer.request();
  request.body_lease = receiving.charge.hand_over();

  const auto exchange = std::make_shared<Exchange>();
  exchange->connection = connection.id;
  exchange->request_id = request.request_id;
  exchange->framing = framing_of(receiving.framer);
  exchange->extra = std::move(receiving.extra);
  exchange->inbox = inbox_;
  exchange->method = method_of(request.method);
  exchange->path = request.path;
  exchange->began = loop_.now();
  connection.exchange = exchange;
  connection.served = true;
  connection.phase = Phase::in_flight;
  DeadlineList::leave(connection);
  request_count_.fetch_add(1, std::memory_order_relaxed);
  in_flight_count_.fetch_add(1, std::memory_order_relaxed);

  exchange->in_handler = true;
  const std::string_view path = receiving.framer.encoded_path();
  const bool routed =
      router_.dispatch(request, path, [&](const Handler& handler, const Request& routed_request) {
        call_handler(handler, routed_request, exchange);
      });
  if (!routed) answer(exchange, answer_unrouted(request, path));
  exchange->in_handler = false;
  request.body_lease.reset();
  release_receiving(connection);
  if (exchange->answered_in_handler) {
    deliver(connection);
  } else if (connection.end_announced) {
    doubt(connection);
  }
}

void ConnectionDriver::call_handler(const Handler& handler, const Request& request,
                                    const std::shared_ptr<Exchange>& exchange) const {
  // A handler that throws has let go of its responder, which answers then.
  try {
    handler(request, Responder(std::make_shared<Responder::Shared>(exchange)));
  } catch (const std::exception& error) {
    base::log_error("a handler threw", {{"request_id", exchange->request_id}, {"error", error.what()}});
  } catch (...) {
    base::log_error("a handler threw", {{"request_id", exchange->request_id}});
  }
}

Response ConnectionDriver::answer_unrouted(const Request& request, std::string_view encoded_path) {
  const bool whole_server = request.method == "OPTIONS" && request.path == "*";
  const std::string allowed =
      whole_server ? "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE" : router_.allowed_methods(encoded_path);
  if (allowed.empty()) {
    return to_response({api::ErrorCode::not_found, "The server has nothing at this path.", {}, {}, {}, {}},
                       request.request_id);
  }
  if (request.method == "OPTIONS") {
    Response response;
    response.status = 204;
    response.headers.emplace_back("Allow", allowed);
    return response;
  }
  return to_response({api::ErrorCode::method_not_allowed,
                      "This path takes " + allowed + ".",
                      {},
                      {},
                      {},
                      {{"Allow", allowed}}},
                     request.request_id);
}

}  // namespace longhaul::server
