// Signatures of deliveries, as Standard Webhooks 1.0.0 describes them (symmetric, version v1): HMAC-SHA256 over
// "id.timestamp.body", with the bytes that a secret "whsec_<base64>" stands for.
//
// Pure; any thread. A SigningKey is a secret: it has no text form, so that it cannot be logged by mistake.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace longhaul::worker::webhooks {

class SigningKey {
 public:
  // Of "whsec_" and the base64 of 24 to 64 bytes. The error says what a secret looks like, and never what was
  // given.
  [[nodiscard]] static base::Result<SigningKey> parse(std::string_view secret);

  // What goes into the header webhook-signature: "v1,<base64>". `timestamp` is in seconds since 1970.
  [[nodiscard]] std::string sign(std::string_view id, std::int64_t timestamp, std::string_view body) const;

 private:
  explicit SigningKey(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

}  // namespace longhaul::worker::webhooks
