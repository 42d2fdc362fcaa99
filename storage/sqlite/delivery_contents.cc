#include "storage/sqlite/delivery_contents.h"

#include <algorithm>
#include <string>
#include <utility>

namespace longhaul::storage {
namespace {

// A webhook as its deliveries need it, read once for all that are sent together.
struct Endpoint {
  TaskId id;
  Addressee addressee = Addressee::removed_webhook;
  std::string url;
  std::int64_t generation = 0;
  std::vector<std::string> secrets;
};

Endpoint read_endpoint(Statements& statements, const TaskId& id, const Now& now) {
  Endpoint endpoint;
  endpoint.id = id;
  {
    Query query = statements.use("endpoint_of_webhook");
    if (!query.bind(id).row()) return endpoint;
    endpoint.url = query.text(0);
    endpoint.addressee = query.integer(1) == 0 ? Addressee::webhook : Addressee::disabled_webhook;
    endpoint.generation = query.integer(2);
  }
  Query secrets = statements.use("secrets_that_sign");
  secrets.bind(id, now.steady);
  while (secrets.row()) endpoint.secrets.emplace_back(secrets.text(0));
  return endpoint;
}

class Contents {
 public:
  Contents(Statements& statements, const Now& now) : statements_(statements), now_(now) {}

  [[nodiscard]] std::optional<DeliveryContent> read(api::DeliveryKey key) {
    DeliveryContent content;
    std::optional<TaskId> webhook;
    {
      Query query = statements_.use("delivery_content");
      if (!query.bind(key.get()).row()) return std::nullopt;
      content.id = api::DeliveryId(query.task_id(0));
      if (!query.is_null(1)) webhook = query.task_id(1);
      content.url = query.text(2);
      content.body = query.text(3);
      content.traceparent = query.text(4);
      content.attempts = static_cast<int>(query.integer(5));
      content.round = static_cast<int>(query.integer(6));
    }
    if (!webhook) return content;
    const Endpoint& endpoint = endpoint_of(*webhook);
    content.addressee = endpoint.addressee;
    content.generation = endpoint.generation;
    content.secrets = endpoint.secrets;
    if (!endpoint.url.empty()) content.url = endpoint.url;
    return content;
  }

 private:
  [[nodiscard]] const Endpoint& endpoint_of(const TaskId& webhook) {
    const auto known =
        std::ranges::find_if(endpoints_, [&webhook](const Endpoint& one) { return one.id == webhook; });
    return known != endpoints_.end() ? *known
                                     : endpoints_.emplace_back(read_endpoint(statements_, webhook, now_));
  }

  Statements& statements_;
  const Now now_;
  std::vector<Endpoint> endpoints_;
};

}  // namespace

std::vector<std::optional<DeliveryContent>> read_delivery_contents(Statements& statements,
                                                                   const std::vector<api::DeliveryKey>& keys,
                                                                   const Now& now) {
  Contents reader(statements, now);
  std::vector<std::optional<DeliveryContent>> contents;
  contents.reserve(keys.size());
  for (const api::DeliveryKey key : keys) contents.push_back(reader.read(key));
  return contents;
}

}  // namespace longhaul::storage
