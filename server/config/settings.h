// What an operator can set, read and checked: the values that the server is built from. Where they come from
// (flags, environment, file, defaults) is server/config/load_settings.h; their one declaration each is
// setting_table.h. A value without behaviour: copy it freely.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/limits.h"
#include "base/clock.h"
#include "base/log.h"
#include "worker/task_type.h"
#include "worker/webhooks/retry_schedule.h"

namespace longhaul::server {

struct ListenAddress {
  std::string address = "127.0.0.1";  // numeric, v4 or v6, without brackets
  std::uint16_t port = 8080;          // 0: any free one
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

struct Settings {
  ListenAddress listen;
  std::vector<std::string> allowed_hosts;  // besides loopback names; without port, lower case
  std::vector<std::string>
      allowed_origins;  // besides the server's own, as a browser sends them: "https://app.example.com"
  std::int64_t max_open_tasks = api::limits::open_tasks;
  std::int64_t kept_events = api::limits::kept_events;  // for streams that are resumed
  std::string database = "longhaul.db";
  std::int64_t min_free_disk_mb = 64;  // MiB
  // How long finished tasks are kept, by final state; none: for good.
  std::optional<base::Milliseconds> keep_succeeded = std::chrono::days(7);
  std::optional<base::Milliseconds> keep_failed = std::chrono::days(30);
  std::optional<base::Milliseconds> keep_cancelled = std::chrono::days(30);
  std::optional<base::Milliseconds> keep_timed_out = std::chrono::days(30);
  std::optional<std::int64_t> max_database_bytes;
  std::int64_t max_cache_bytes = 64 * 1024 * 1024;  // 0: no result is kept for starts to come
  std::string callback_secret;                      // "whsec_..."; empty: the one in the database
  std::vector<std::string> allow_addresses;         // ranges that webhooks may lead to, though not public
  std::vector<std::uint16_t> allow_ports;           // that they may lead to, besides 80 and 443
  worker::webhooks::RetrySchedule webhook_retries = worker::webhooks::default_retry_schedule();
  base::Milliseconds webhook_timeout{15'000};  // of one attempt
  std::string webhook_ca_file;                 // empty: the system's certificates
  std::int64_t webhooks_in_flight = 128;
  std::int64_t webhooks_in_flight_per_host = 16;
  base::Milliseconds webhook_disable_after = std::chrono::days(5);
  base::LogLevel log_level = base::LogLevel::info;
  base::LogFormat log_format = base::LogFormat::text;
  base::Milliseconds drain{20'000};
  worker::TaskTypes types;  // built-ins included
  std::optional<std::string>
      api_key;  // of LONGHAUL_API_KEY; always there when `listen` is not a loopback address
};

}  // namespace longhaul::server
