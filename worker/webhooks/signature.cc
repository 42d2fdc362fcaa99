#include "worker/webhooks/signature.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

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

struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
};

}  // namespace

void SigningKey::FreeContext::operator()(evp_mac_ctx_st* context) const { EVP_MAC_CTX_free(context); }

base::Result<SigningKey> SigningKey::parse(std::string_view secret) {
  constexpr const char* rule = "must be \"whsec_\" and the base64 of 24 to 64 random bytes";
  if (!secret.starts_with(prefix)) return base::fail(rule);
  auto bytes = base::from_base64(secret.substr(prefix.size()));
  if (!bytes || bytes->size() < least_bytes || bytes->size() > most_bytes) return base::fail(rule);
  const std::unique_ptr<EVP_MAC, FreeMac> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  Context context(EVP_MAC_CTX_new(mac.get()));
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  [[maybe_unused]] const int set = EVP_MAC_CTX_set_params(context.get(), parameters);
  assert(set == 1 && "SHA-256 is always there");
  return SigningKey(*std::move(bytes), std::move(context));
}

std::string SigningKey::sign(std::string_view id, std::int64_t timestamp, std::string_view body) {
  // With its key each time: without one, OpenSSL before 3.0.3 says that it begins anew, and does not.
  [[maybe_unused]] const int begun = EVP_MAC_init(
      context_.get(), reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size(), nullptr);
  assert(begun == 1);
  const auto add = [this](std::string_view text) {
    [[maybe_unused]] const int added =
        EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
    assert(added == 1);
  };
  add(id);
  add("." + std::to_string(timestamp) + ".");
  add(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  std::size_t length = 0;
  [[maybe_unused]] const int made = EVP_MAC_final(context_.get(), digest.data(), &length, digest.size());
  assert(made == 1);
  return "v1," + base::to_base64(std::as_bytes(std::span(digest).first(length)));
}

}  // namespace longhaul::worker::webhooks
