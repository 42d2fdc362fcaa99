#include "server/http/exchange.h"

#include <utility>

#include "base/log.h"
#include "server/auth/ascii.h"

namespace longhaul::server {

const std::string* Request::find_header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key.size() == name.size() && equal_ignoring_case(key, name)) return &value;
  }
  return nullptr;
}

std::string_view Request::path_parameter(std::string_view name) const {
  for (const auto& [key, value] : path_parameters) {
    if (key == name) return value;
  }
  return {};
}

void answer(const std::shared_ptr<Exchange>& exchange, Response response,
            std::shared_ptr<StreamHandler> stream) {
  if (exchange->answered.exchange(true, std::memory_order_acq_rel)) return;
  exchange->response = std::move(response);
  exchange->stream = std::move(stream);
  if (exchange->inbox->on_loop_thread() && exchange->in_handler) {
    exchange->answered_in_handler = true;
  } else {
    exchange->inbox->complete(exchange);
  }
}

Response to_response(const api::Problem& problem, std::string_view request_id) {
  Response response;
  response.status = api::info(problem.code).status;
  response.headers = problem.headers;
  response.content_type = "application/problem+json";
  response.body = api::to_json(problem, request_id);
  response.task_id = problem.task_id;
  return response;
}

Responder::Shared::~Shared() {
  if (exchange->answered.load(std::memory_order_acquire)) return;
  base::log_error("a request was dropped without an answer", {{"request_id", exchange->request_id}});
  api::Problem problem{
      api::ErrorCode::internal_error, "The request was dropped without an answer.", {}, {}, {}, {}};
  answer(exchange, to_response(problem, exchange->request_id));
}

void Responder::send(Response response) const { answer(shared_->exchange, std::move(response)); }

void Responder::stream(Response head, std::shared_ptr<StreamHandler> handler) const {
  answer(shared_->exchange, std::move(head), std::move(handler));
}

void Responder::send(const api::Problem& problem) const {
  if (answered()) return;
  send(to_response(problem, request_id()));
}

bool Responder::answered() const { return shared_->exchange->answered.load(std::memory_order_acquire); }

void Responder::on_hang_up(std::function<void()> callback) const {
  if (!answered()) shared_->exchange->hang_up = std::move(callback);
}

const std::string& Responder::request_id() const { return shared_->exchange->request_id; }

}  // namespace longhaul::server
