#include <doctest/doctest.h>

#include <array>
#include <string>

#include "worker/webhooks/request_headers.h"
#include "worker/webhooks/signature.h"

using namespace longhaul;
using worker::webhooks::SigningKey;

TEST_CASE("webhook signature: what Standard Webhooks 1.0.0 says") {
  auto first = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  REQUIRE(first.ok());
  CHECK(first->sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})") ==
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  auto second = SigningKey::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
  REQUIRE(second.ok());
  CHECK(second->sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
                     R"({"email":"test@example.com","username":"test_user"})") ==
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
}

TEST_CASE("webhook signature: everything signed changes it") {
  auto key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  auto other = SigningKey::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
  const std::string signature = key->sign("id", 1, "body");
  CHECK(signature == key->sign("id", 1, "body"));
  CHECK(signature != key->sign("ie", 1, "body"));
  CHECK(signature != key->sign("id", 2, "body"));
  CHECK(signature != key->sign("id", 1, "bodx"));
  CHECK(signature != key->sign("id", 1, std::string("body\0", 5)));
  CHECK(signature != other->sign("id", 1, "body"));
}

TEST_CASE("webhook secret: 24 to 64 bytes in base64, and nothing else") {
  const auto is_secret = [](const std::string& text) { return SigningKey::parse(text).ok(); };
  CHECK(is_secret("whsec_" + std::string(32, 'A')));           // 24 bytes
  CHECK(is_secret("whsec_" + std::string(84, 'A') + "AA=="));  // 64
  CHECK_FALSE(is_secret("whsec_" + std::string(84, 'A') + "AA"));
  CHECK(is_secret("whsec_" + std::string(32, 'A') + "AAA="));
  CHECK_FALSE(is_secret("whsec_" + std::string(31, 'A')));
  CHECK_FALSE(is_secret("whsec_" + std::string(88, 'A')));  // 66
  CHECK_FALSE(is_secret("whsec_" + std::string(84, 'A') + "AAA="));
  CHECK_FALSE(is_secret(""));
  CHECK_FALSE(is_secret("whsec_"));
  CHECK_FALSE(is_secret(std::string(40, 'A')));
  CHECK_FALSE(is_secret("WHSEC_" + std::string(32, 'A')));
  CHECK_FALSE(is_secret("whsec_" + std::string(31, 'A') + "-"));
  CHECK_FALSE(is_secret("whsec_" + std::string(31, 'A') + "\n"));
  CHECK_FALSE(is_secret("whsec_" + std::string(32, 'A') + "="));
  CHECK_FALSE(is_secret("whsec_" + std::string(32, 'A') + "AA="));
  CHECK_FALSE(is_secret("whsec_" + std::string(32, 'A') + "AB"));  // bits that belong to no byte
  CHECK_FALSE(is_secret("whsec_" + std::string(32, 'A') + "A==="));
  const auto fault = SigningKey::parse("whsec_hunter2");
  CHECK(fault.error().message.find("hunter2") == std::string::npos);
}

TEST_CASE(
    "webhook headers: id, time and signature of this attempt, and the task's trace with a span of its own") {
  auto key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const std::array keys = {&*key};
  storage::DeliveryContent content;
  content.body = "{}";
  const base::WallTime at{base::Milliseconds(1614265330999)};
  auto headers = worker::webhooks::request_headers(content, keys, at, 7);
  const std::string id(content.id.get().text());
  REQUIRE(headers.size() == 4);
  CHECK(headers[0] == "content-type: application/json");
  CHECK(headers[1] == "webhook-id: " + id);
  CHECK(headers[2] == "webhook-timestamp: 1614265330");
  CHECK(headers[3] == "webhook-signature: " + key->sign(id, 1614265330, "{}"));

  content.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  headers = worker::webhooks::request_headers(content, keys, at, 0xfedcba9876543210);
  REQUIRE(headers.size() == 5);
  CHECK(headers[4] == "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-fedcba9876543210-01");

  CHECK(worker::webhooks::with_own_span(content.traceparent, 0)->substr(36, 16) == "0000000000000001");
  CHECK_FALSE(worker::webhooks::with_own_span("01-nonsense", 1));
}
