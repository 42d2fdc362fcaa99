#include "worker/webhooks/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cassert>
#include <span>
#include <utility>

#include "base/base64.h"

namespace longhaul::worker::webhooks {
namespace {

constexpr std::string_view prefix = "whsec_";
constexpr std::size_t least_bytes = 24;
constexpr std::size_t most_bytes = 64;

}  // namespace

base::Result<SigningKey> SigningKey::parse(std::string_view secret) {
  if (secret.starts_with(prefix)) {
    auto bytes = base::from_base64(secret.substr(prefix.size()));
    if (bytes && bytes->size() >= least_bytes && bytes->size() <= most_bytes)
      return SigningKey(*std::move(bytes));
  }
  return base::fail("must be \"whsec_\" and the base64 of 24 to 64 random bytes");
}

std::string SigningKey::sign(std::string_view id, std::int64_t timestamp, std::string_view body) const {
  std::string content(id);
  content += '.';
  content += std::to_string(timestamp);
  content += '.';
  content += body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  [[maybe_unused]] const auto* const made =
      HMAC(EVP_sha256(), bytes_.data(), static_cast<int>(bytes_.size()),
           reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data(), &length);
  assert(made != nullptr && "SHA-256 is always there");
  return "v1," + base::to_base64(std::as_bytes(std::span(digest).first(length)));
}

}  // namespace longhaul::worker::webhooks
