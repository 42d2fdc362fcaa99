// Signatures of deliveries, as Standard Webhooks 1.0.0 describes them (symmetric, version v1): HMAC-SHA256 over
// "id.timestamp.body", with the bytes that a secret "whsec_<base64>" stands for.
//
// parse(): any thread; a key is used by one at a time. A SigningKey is a secret: it has no text form, so that it cannot be
// logged by mistake.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_mac_ctx_st;

namespace longhaul::worker::webhooks {

class SigningKey {
 public:
  // Of "whsec_" and the base64 of 24 to 64 bytes. The error says what a secret looks like, and never what was
  // given.
  [[nodiscard]] static base::Result<SigningKey> parse(std::string_view secret);

  // What goes into the header webhook-signature: "v1,<base64>". `timestamp` is in seconds since 1970.
  [[nodiscard]] std::string sign(std::string_view id, std::int64_t timestamp, std::string_view body);

 private:
  struct FreeContext {
    void operator()(evp_mac_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_mac_ctx_st, FreeContext>;

  SigningKey(std::string bytes, Context context) : bytes_(std::move(bytes)), context_(std::move(context)) {}

  std::string bytes_;
  Context context_;  // knows the digest, and is begun anew for each signature
};

}  // namespace longhaul::worker::webhooks
