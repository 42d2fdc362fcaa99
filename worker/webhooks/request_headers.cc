#include "worker/webhooks/request_headers.h"

#include <chrono>

namespace longhaul::worker::webhooks {
namespace {

// 00-<32 digits: trace>-<16 digits: span>-<2 digits: flags>
constexpr std::size_t trace_chars = 55;
constexpr std::size_t span_begin = 36;
constexpr std::size_t span_chars = 16;

}  // namespace

std::optional<std::string> with_own_span(std::string_view traceparent, std::uint64_t span) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (traceparent.size() != trace_chars || !traceparent.starts_with("00-")) return std::nullopt;
  if (span == 0) span = 1;  // all zeros are no span
  std::string own(traceparent);
  for (std::size_t i = 0; i < span_chars; ++i) own[span_begin + i] = digits[span >> (60 - 4 * i) & 0xF];
  return own;
}

std::vector<std::string> request_headers(const storage::DeliveryContent& content,
                                         std::span<SigningKey* const> keys, base::WallTime at,
                                         std::uint64_t span) {
  const std::string id(content.id.get().text());
  const auto timestamp = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::string signatures;
  for (SigningKey* const key : keys) {
    if (!signatures.empty()) signatures += ' ';
    signatures += key->sign(id, timestamp, content.body);
  }
  std::vector<std::string> headers{
      "content-type: application/json",
      "webhook-id: " + id,
      "webhook-timestamp: " + std::to_string(timestamp),
      "webhook-signature: " + signatures,
  };
  if (const auto trace = with_own_span(content.traceparent, span))
    headers.push_back("traceparent: " + *trace);
  return headers;
}

}  // namespace longhaul::worker::webhooks
