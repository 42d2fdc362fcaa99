// What may be asked of a webhook's deliveries, and its pages.
#include "api/delivery_query.h"

#include <ostream>

#include <doctest/doctest.h>

#include "api/limits.h"
#include "api/task_query.h"

using namespace longhaul::api;

namespace {

const WebhookId one(*TaskId::parse("01890a5d-ac96-774b-bcce-b302099a8057"));
const WebhookId other(*TaskId::parse("01890a5d-ac96-774b-bcce-b302099a8058"));

DeliveryQuery accepted(const QueryParameters& parameters) {
  const auto query = parse_delivery_query(one, parameters);
  if (!query) FAIL(query.error().detail);
  return query.value();
}

std::string pointers(const WebhookId& webhook, const QueryParameters& parameters) {
  const auto query = parse_delivery_query(webhook, parameters);
  std::string text;
  if (query) return text;
  for (const FieldError& error : query.error().errors) text += (text.empty() ? "" : " ") + error.pointer;
  return text;
}

}  // namespace

TEST_CASE("deliveries: nothing asked is the first page of all") {
  const DeliveryQuery query = accepted({});
  CHECK(query.webhook == one);
  CHECK_FALSE(query.status);
  CHECK(query.page_size == limits::page_size_default);
  CHECK_FALSE(query.older_than);
  CHECK_FALSE(accepted({{"page_token", ""}}).older_than);
}

TEST_CASE("deliveries: status and page size") {
  CHECK(accepted({{"status", "exhausted"}}).status == DeliveryStatus::exhausted);
  CHECK(accepted({{"page_size", "7"}}).page_size == 7);
  CHECK(accepted({{"page_size", "0"}}).page_size == limits::page_size_default);
  CHECK(accepted({{"page_size", "501"}}).page_size == limits::page_size_max);
  CHECK(pointers(one, {{"status", "done"}, {"page_size", "-1"}, {"type", "t"}}) ==
        "?type ?status ?page_size");
  CHECK(pointers(one, {{"status", "pending"}, {"status", "pending"}}) == "?status");
}

TEST_CASE("deliveries: a token leads to its place, for its webhook and status only") {
  for (const std::int64_t key :
       {std::int64_t{1}, std::int64_t{1} << 40, std::int64_t{0x7FFF'FFFF'FFFF'FFFF}}) {
    const std::string token = make_page_token(accepted({}), DeliveryKey(key));
    CHECK(accepted({{"page_token", token}, {"page_size", "9"}}).older_than == DeliveryKey(key));
  }
  const std::string token = make_page_token(accepted({{"status", "pending"}}), DeliveryKey(5));
  CHECK(accepted({{"page_token", token}, {"status", "pending"}}).older_than == DeliveryKey(5));
  CHECK(pointers(one, {{"page_token", token}}) == "?page_token");
  CHECK(pointers(one, {{"page_token", token}, {"status", "exhausted"}}) == "?page_token");
  CHECK(pointers(other, {{"page_token", token}, {"status", "pending"}}) == "?page_token");
  std::string damaged = token;
  damaged[3] = damaged[3] == 'A' ? 'B' : 'A';
  CHECK(pointers(one, {{"page_token", damaged}, {"status", "pending"}}) == "?page_token");
  CHECK(pointers(one, {{"page_token", make_page_token(TaskFilter{}, one.get())}}) == "?page_token");
}
