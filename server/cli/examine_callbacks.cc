#include "server/cli/examine_callbacks.h"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <system_error>

#include "storage/sqlite/kept_secret.h"
#include "worker/webhooks/address_guard.h"
#include "worker/webhooks/curl_facts.h"

namespace longhaul::server {
namespace {

using worker::webhooks::AddressGuard;
using worker::webhooks::AddressRange;

// Of this machine and of the service that tells cloud machines their credentials: who opens these lets callers
// reach what trusts whoever is inside.
constexpr std::array<std::uint8_t, 4> inside_v4[] = {{127, 0, 0, 1}, {169, 254, 169, 254}};
constexpr std::array<std::uint8_t, 16> inside_v6[] = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
                                                      {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

bool leads_inside(const std::string& text) {
  const auto range = AddressRange::parse(text);
  if (!range) return false;
  const auto holds = [&range](const auto& address) {
    return range->contains(address.data(), address.size());
  };
  return std::any_of(std::begin(inside_v4), std::end(inside_v4), holds) ||
         std::any_of(std::begin(inside_v6), std::end(inside_v6), holds);
}

Finding examine_addresses(const Settings& settings) {
  Finding finding{"callbacks", Verdict::fine, "may lead to public addresses, ports 80, 443"};
  for (const std::uint16_t port : settings.allow_ports) finding.detail += ", " + std::to_string(port);
  if (settings.allow_addresses.empty()) {
    finding.detail += "; private, loopback and all other special addresses are refused";
    return finding;
  }
  finding.detail += "; opened, on every port: ";
  bool first = true;
  std::string inside;
  for (const std::string& range : settings.allow_addresses) {
    finding.detail += (first ? "" : ", ") + range;
    first = false;
    if (leads_inside(range)) inside += (inside.empty() ? "" : ", ") + range;
  }
  if (!inside.empty()) {
    finding.verdict = Verdict::notice;
    finding.detail += "; with " + inside + " callers may reach services of this machine or its cloud";
  }
  return finding;
}

Finding examine_secret(const Settings& settings) {
  const auto from = [](std::string where) {
    return Finding{"callback secret", Verdict::fine, std::move(where)};
  };
  if (!settings.callback_secret.empty()) return from("the one of the setting webhooks.callback_secret");
  std::error_code ignored;
  if (!std::filesystem::exists(settings.database, ignored))
    return from("none yet: the first start makes one and keeps it in the database");
  if (!storage::read_kept_secret(settings.database))
    return {"callback secret", Verdict::notice,
            "the database has none that can be read: a start that succeeds makes one"};
  return from("the one of the database, made at its first start; 'longhaul webhooks secret' prints it");
}

Finding examine_trust(const Settings& settings) {
  const bool is_own = !settings.webhook_ca_file.empty();
  const std::string file = is_own ? settings.webhook_ca_file : worker::webhooks::curl_facts().certificates;
  if (!file.empty() && ::access(file.c_str(), R_OK) == 0)
    return {"certificates", Verdict::fine, "of receivers are checked against " + file};
  return {"certificates", Verdict::notice,
          "callbacks over https will fail: " +
              (file.empty() ? "nobody to trust is known" : file + " cannot be read") +
              "; install ca-certificates or set webhooks.ca_file"};
}

}  // namespace

void examine_callbacks(const Settings& settings, std::vector<Finding>& findings) {
  findings.push_back(examine_addresses(settings));
  findings.push_back(examine_secret(settings));
  findings.push_back(examine_trust(settings));
}

}  // namespace longhaul::server
