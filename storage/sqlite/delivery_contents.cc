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

// Those that were asked about so far. A reference is good until the next is read.
class Endpoints {
 public:
  Endpoints(Statements& statements, const Now& now) : statements_(statements), now_(now) {}

  [[nodiscard]] const Endpoint& find(const TaskId& webhook) {
    const auto known =
        std::ranges::find_if(known_, [&webhook](const Endpoint& one) { return one.id == webhook; });
    return known != known_.end() ? *known : known_.emplace_back(read_endpoint(statements_, webhook, now_));
  }

 private:
  Statements& statements_;
  const Now now_;
  std::vector<Endpoint> known_;
};

std::string json_of(const std::vector<api::DeliveryKey>& keys) {
  std::string text = "[";
  for (const api::DeliveryKey key : keys) {
    if (text.size() > 1) text += ',';
    text += std::to_string(key.get());
  }
  return text + "]";
}

DeliveryContent read_content(const Query& query, Endpoints& endpoints) {
  DeliveryContent content;
  content.id = api::DeliveryId(query.task_id(1));
  content.url = query.text(3);
  content.body = query.text(4);
  content.traceparent = query.text(5);
  content.attempts = static_cast<int>(query.integer(6));
  content.round = static_cast<int>(query.integer(7));
  if (query.is_null(2)) return content;
  const Endpoint& endpoint = endpoints.find(query.task_id(2));
  content.addressee = endpoint.addressee;
  content.generation = endpoint.generation;
  content.secrets = endpoint.secrets;
  if (!endpoint.url.empty()) content.url = endpoint.url;
  return content;
}

}  // namespace

std::vector<std::optional<DeliveryContent>> read_delivery_contents(Statements& statements,
                                                                   const std::vector<api::DeliveryKey>& keys,
                                                                   const Now& now) {
  std::vector<std::optional<DeliveryContent>> contents(keys.size());
  Endpoints endpoints(statements, now);
  const std::string seqs = json_of(keys);
  Query query = statements.use("delivery_contents");
  query.bind(seqs);
  auto wanted = keys.begin();
  while (query.row()) {
    // In the order of the keys; those of which there is no row are passed over.
    wanted = std::find(wanted, keys.end(), api::DeliveryKey(query.integer(0)));
    contents.at(static_cast<std::size_t>(wanted - keys.begin())) = read_content(query, endpoints);
    ++wanted;
  }
  return contents;
}

}  // namespace longhaul::storage
