// What an operator can set, read and checked: the values that the server is built from. Where they come from
// (flags, environment, file, defaults) is server/config/load_settings.h; their one declaration each is
// setting_table.h. A value without behaviour: copy it freely.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/limits.h"
#include "base/log.h"
#include "worker/task_type.h"

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
  std::string database = "longhaul.db";
  base::LogLevel log_level = base::LogLevel::info;
  worker::TaskTypes types;  // built-ins included
  std::optional<std::string>
      api_key;  // of LONGHAUL_API_KEY; always there when `listen` is not a loopback address
};

}  // namespace longhaul::server
