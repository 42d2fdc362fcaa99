// What may be asked of a webhook's deliveries: GET /webhooks/{id}/deliveries?status=&page_size=&page_token=. Pure.
#pragma once

#include <string>

#include "api/delivery.h"
#include "api/problem.h"
#include "api/query_parameters.h"

namespace longhaul::api {

// 422 with every fault. A page token belongs to its webhook and status; any other is a fault.
[[nodiscard]] Checked<DeliveryQuery> parse_delivery_query(const WebhookId& webhook,
                                                          const QueryParameters& parameters);
// For what comes behind `continue_after`.
[[nodiscard]] std::string make_page_token(const DeliveryQuery& query, DeliveryKey continue_after);

}  // namespace longhaul::api
