#include "server/config/webhook_settings.h"

#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "server/config/setting_rows.h"
#include "worker/webhooks/address_guard.h"
#include "worker/webhooks/signature.h"

namespace longhaul::server {
namespace {

using base::fail;
using base::Result;
using rows::special;

constexpr std::string_view section = "webhooks";
constexpr rows::Range retry_wait{0.001, 30.0 * 24 * 3600};
constexpr std::size_t retries_max = 100;
constexpr rows::Range port{1, 65'535};

Result<void> take_secret(Settings& settings, const std::string& secret) {
  const auto key = worker::webhooks::SigningKey::parse(secret);
  if (!key) return base::Failure{key.error()};
  settings.callback_secret = secret;
  return {};
}

Result<void> take_addresses(Settings& settings, const TextList& ranges) {
  for (const std::string& range : ranges) {
    const auto parsed = worker::webhooks::AddressRange::parse(range);
    if (!parsed) return fail(parsed.error().message + "; " + toml_text(range) + " is not so");
  }
  settings.allow_addresses = ranges;
  return {};
}

Result<void> take_ports(Settings& settings, const NumberList& ports) {
  settings.allow_ports.clear();
  for (const double number : ports) {
    if (number < port.min || number > port.max || number != std::floor(number))
      return fail("must be ports, " + rows::range_text(port) + "; " + number_text(number) + " is none");
    settings.allow_ports.push_back(static_cast<std::uint16_t>(number));
  }
  return {};
}

Result<void> take_retries(Settings& settings, const NumberList& waits) {
  if (waits.size() > retries_max)
    return fail("must be at most " + std::to_string(retries_max) + " waits, not " +
                std::to_string(waits.size()));
  settings.webhook_retries.clear();
  for (const double seconds : waits) {
    if (!(seconds >= retry_wait.min && seconds <= retry_wait.max))
      return fail("must be waits of " + rows::range_text(retry_wait) + " seconds; " + number_text(seconds) +
                  " is none");
    settings.webhook_retries.push_back(rows::milliseconds_of(seconds));
  }
  return {};
}

// Looked for at once: a slip of the pen here would fail every delivery later.
Result<void> take_ca_file(Settings& settings, const std::string& path) {
  if (path.find('\0') != std::string::npos || ::access(path.c_str(), R_OK) != 0)
    return fail("must be a file that can be read; " + toml_text(path) + " is not");
  settings.webhook_ca_file = path;
  return {};
}

// In a file the empty list is one of texts as well as one of numbers.
Setting<Settings> numbers(std::string_view name, const std::string& accepts, std::string_view help,
                          Result<void> (*take)(Settings&, const NumberList&),
                          std::string (*show)(const Settings&)) {
  const auto set = [accepts, take](Settings& settings, const SettingValue& value) -> Result<void> {
    const auto* const texts = std::get_if<TextList>(&value);
    if (texts != nullptr && texts->empty()) return take(settings, {});
    const auto* const list = std::get_if<NumberList>(&value);
    if (list == nullptr) return rows::wrong(ValueKind::number_list, accepts, value);
    return take(settings, *list);
  };
  return {section, name, ValueKind::number_list, accepts, help, set, show};
}

std::string show_ports(const Settings& settings) {
  return toml_text(NumberList(settings.allow_ports.begin(), settings.allow_ports.end()));
}

std::string show_retries(const Settings& settings) {
  NumberList seconds;
  for (const base::Milliseconds wait : settings.webhook_retries)
    seconds.push_back(static_cast<double>(wait.count()) / 1000);
  return toml_text(seconds);
}

Setting<Settings> callback_secret() {
  auto setting = special<Settings, std::string>(
      section, "callback_secret", ValueKind::text, "whsec_ and the base64 of 24 to 64 random bytes",
      "Signs the callbacks of tasks. Without it the server makes one at its first start and keeps it in the "
      "database; longhaul webhooks secret prints the one in force.",
      take_secret, [](const Settings&) { return std::string("none"); });
  setting.is_secret = true;
  return setting;
}

}  // namespace

std::vector<Setting<Settings>> webhook_settings() {
  return {
      callback_secret(),
      special<Settings, TextList>(
          section, "allow_addresses", ValueKind::text_list, "addresses and ranges like \"10.1.0.0/16\"",
          "Addresses that callbacks may lead to although they are not public, on any port.", take_addresses,
          [](const Settings& settings) { return toml_text(settings.allow_addresses); }),
      numbers("allow_ports", rows::range_text(port),
              "Ports that callbacks may lead to besides 80 and 443, at public addresses.", take_ports,
              show_ports),
      numbers("retry_seconds", rows::range_text(retry_wait) + ", at most " + std::to_string(retries_max),
              "Waits between the attempts to deliver, each a fifth shorter to a fifth longer by chance. "
              "After the "
              "last of them a delivery is given up.",
              take_retries, show_retries),
      rows::seconds(
          section, "timeout_seconds", &Settings::webhook_timeout, {0.1, 300},
          "Limit of one attempt to deliver, from the look-up of the name to the end of the answer."),
      rows::whole_number(section, "max_in_flight", &Settings::webhooks_in_flight, {1, 1'000},
                         "How many deliveries may be under way at once."),
      rows::whole_number(
          section, "max_in_flight_per_host", &Settings::webhooks_in_flight_per_host, {1, 1'000},
          "How many of them to one host (name and port). One webhook, or the callbacks of one host, have at "
          "most half of that, so that they leave some for others there."),
      rows::seconds(section, "disable_after_seconds", &Settings::webhook_disable_after,
                    {0.001, 365.0 * 24 * 3600},
                    "A webhook to which every attempt has failed for so long is disabled. What a circuit "
                    "that is open has "
                    "held back for so long is given up."),
      special<Settings, std::string>(
          section, "ca_file", ValueKind::text, "path of a file",
          "Certificates in PEM of whom to trust at the other end of https. Without it, those of this system.",
          take_ca_file,
          [](const Settings& settings) {
            return settings.webhook_ca_file.empty() ? "none" : toml_text(settings.webhook_ca_file);
          }),
  };
}

}  // namespace longhaul::server
