#include "api/delivery_query.h"

#include <algorithm>

#include "api/sealed_token.h"

namespace longhaul::api {
namespace {

// The key comes first, its lowest byte in front; the rest is zero.
TokenPosition position_of(DeliveryKey key) {
  TokenPosition position{};
  const auto bits = static_cast<std::uint64_t>(key.get());
  for (std::size_t i = 0; i < sizeof bits; ++i) position[i] = static_cast<std::uint8_t>(bits >> (8 * i));
  return position;
}

DeliveryKey key_at(const TokenPosition& position) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof bits; ++i) bits |= std::uint64_t{position[i]} << (8 * i);
  return DeliveryKey(static_cast<std::int64_t>(bits));
}

Fingerprint fingerprint_of(const DeliveryQuery& query) {
  Fingerprint fingerprint;
  fingerprint.add(std::string_view("deliveries"));
  fingerprint.add(std::string_view(query.webhook.get().text()));
  fingerprint.add_number(query.status ? static_cast<std::uint64_t>(*query.status) + 1 : 0);
  return fingerprint;
}

}  // namespace

Checked<DeliveryQuery> parse_delivery_query(const WebhookId& webhook, const QueryParameters& parameters) {
  DeliveryQuery query;
  query.webhook = webhook;
  FaultList faults;
  add_unknown_parameters(parameters, {"status", "page_size", "page_token"}, faults);
  if (const std::string* const status = single_value(parameters, "status", faults)) {
    query.status = parse_delivery_status(*status);
    if (!query.status)
      faults.add(parameter_pointer("status"), "must be one of pending, delivered, exhausted");
  }
  if (const std::string* const given = single_value(parameters, "page_size", faults)) {
    const auto size = read_page_size(*given);
    if (!size) faults.add(parameter_pointer("page_size"), std::string(page_size_rule));
    query.page_size = size.value_or(limits::page_size_default);
  }
  const std::string* const token = single_value(parameters, "page_token", faults);
  // A wrong filter makes every token a stranger's: one fault is enough.
  if (faults.empty() && token != nullptr && !token->empty()) {
    const auto position = read_sealed_token(fingerprint_of(query), *token);
    if (position) {
      query.older_than = key_at(*position);
    } else {
      faults.add(parameter_pointer("page_token"), std::string(page_token_rule));
    }
  }
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  return query;
}

std::string make_page_token(const DeliveryQuery& query, DeliveryKey continue_after) {
  return make_sealed_token(fingerprint_of(query), position_of(continue_after));
}

}  // namespace longhaul::api
