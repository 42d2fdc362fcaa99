#include <cstdint>
#include <memory>
#include <utility>

#include "api/json_writer.h"
#include "api/webhook_request.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"
#include "server/routes/webhook_answers.h"

namespace longhaul::server {
namespace {

using storage::SendOutcome;
using storage::SendVerdict;
using storage::StoreResult;

// What becomes of one delivery that was asked for. `unknown` is said when there is nobody to send it to.
void answer(const StoreResult<SendOutcome>& outcome, const api::Problem& unknown,
            const Responder& responder) {
  if (!outcome) return responder.send(to_problem(outcome.error()));
  switch (outcome->verdict) {
    case SendVerdict::unknown: return responder.send(unknown);
    case SendVerdict::webhook_disabled: return responder.send(webhook_disabled_problem());
    case SendVerdict::webhook_removed: return responder.send(webhook_removed_problem());
    case SendVerdict::too_many: return responder.send(too_many_tests_problem());
    case SendVerdict::owed: break;
  }
  Response response = json_response(202, api::delivery_json(*outcome->delivery));
  response.headers.emplace_back("Location", "/deliveries/" + outcome->delivery->id.get().text());
  responder.send(std::move(response));
}

void send_test(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_webhook_id(request, responder);
  if (!id) return;
  context.store.outbox().send_test(*id, [responder](const StoreResult<SendOutcome>& outcome) {
    answer(outcome, webhook_not_found_problem(), responder);
  });
}

void redeliver(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_delivery_id(request, responder);
  if (!id) return;
  context.store.outbox().redeliver(*id, [responder](const StoreResult<SendOutcome>& outcome) {
    answer(outcome, delivery_not_found_problem(), responder);
  });
}

// One request that goes through the deliveries slice by slice, so that no transaction is long. When it ends early, what
// was done stays done: asking again goes on from there. Each slice is asked for on the loop's thread.
class Recovery : public std::enable_shared_from_this<Recovery> {
 public:
  Recovery(const RouteContext& context, Responder responder, storage::RecoverOrder order)
      : context_(context), responder_(std::move(responder)), order_(order) {}

  void run() {
    context_.store.outbox().recover(
        order_, [self = shared_from_this()](const StoreResult<storage::RecoverOutcome>& outcome) {
          if (outcome && outcome->verdict == SendVerdict::owed && outcome->more) return self->go_on(*outcome);
          self->answer(outcome);
        });
  }

 private:
  // The writer's thread; the next slice begins when this is done.
  void go_on(const storage::RecoverOutcome& slice) {
    matched_ += slice.matched;
    order_.after = slice.more;
    context_.server.post([self = shared_from_this()] { self->run(); });
  }

  void answer(const StoreResult<storage::RecoverOutcome>& outcome) const {
    if (!outcome) return responder_.send(to_problem(outcome.error()));
    switch (outcome->verdict) {
      case SendVerdict::unknown: return responder_.send(webhook_not_found_problem());
      case SendVerdict::webhook_disabled: return responder_.send(webhook_disabled_problem());
      case SendVerdict::webhook_removed:
      case SendVerdict::too_many: return responder_.send(webhook_not_found_problem());
      case SendVerdict::owed: break;
    }
    api::JsonWriter json;
    json.begin_object();
    json.key("matched").number(matched_ + outcome->matched);
    json.end_object();
    responder_.send(json_response(202, json.take()));
  }

  const RouteContext& context_;
  const Responder responder_;
  storage::RecoverOrder order_;
  std::int64_t matched_ = 0;
};

void recover(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_webhook_id(request, responder);
  if (!id) return;
  const auto since = api::parse_recover_request(request.body);
  if (!since) return responder.send(since.error());
  std::make_shared<Recovery>(context, responder, storage::RecoverOrder{*id, since.value(), {}})->run();
}

}  // namespace

std::vector<Route> redelivery_routes(const RouteContext& context) {
  Route recover_since{"POST", "/webhooks/:id/recover",
                      [&context](const Request& request, const Responder& responder) {
                        recover(context, request, responder);
                      }};
  recover_since.takes_body = true;
  return {{"POST", "/webhooks/:id/test",
           [&context](const Request& request, const Responder& responder) {
             send_test(context, request, responder);
           }},
          {"POST", "/deliveries/:id/redeliver",
           [&context](const Request& request, const Responder& responder) {
             redeliver(context, request, responder);
           }},
          std::move(recover_since)};
}

}  // namespace longhaul::server
