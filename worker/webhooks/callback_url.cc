#include "worker/webhooks/callback_url.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include "api/web_url.h"

namespace longhaul::worker::webhooks {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// The addresses that a host stands for without anybody being asked: literal ones in every spelling that the
// resolver takes (0x7f.1, 2130706433), and names that always mean this machine (RFC 6761).
std::vector<Addresses> known_addresses(std::string host, const std::string& port) {
  while (host.ends_with('.')) host.pop_back();
  std::vector<std::string> spellings{host};
  if (host == "localhost" || host.ends_with(".localhost")) spellings = {"127.0.0.1", "::1"};
  std::vector<Addresses> found;
  for (const std::string& spelling : spellings) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (::getaddrinfo(spelling.c_str(), port.c_str(), &hints, &list) == 0) found.emplace_back(list);
  }
  return found;
}

// Nothing when one of the addresses may be used, or none is known yet.
std::optional<std::string> refusal_of(const std::vector<Addresses>& addresses, const AddressGuard& guard) {
  std::optional<std::string> refusal;
  for (const Addresses& address : addresses) {
    refusal = guard.refusal(*address->ai_addr);
    if (!refusal) break;
  }
  return refusal;
}

}  // namespace

std::optional<std::string> fault_of_url(const std::string& text, const AddressGuard& guard) {
  const auto url = api::read_web_url(text);
  if (!url) return url.error().detail;
  if (!guard.is_possible_port(url->port))
    return "must have port 80 or 443 (the setting webhooks.allow_ports opens others)";
  if (const auto refusal = refusal_of(known_addresses(url->host, std::to_string(url->port)), guard))
    return "must not lead there: " + *refusal + " (the setting webhooks.allow_addresses opens addresses)";
  return std::nullopt;
}

}  // namespace longhaul::worker::webhooks
