// Puts the settings together. Precedence: flag, then environment, then file, then default. Every fault found
// is told, one a line, each with its place ("longhaul.toml:12: ...", "--listen: ...", "LONGHAUL_LISTEN: ...")
// and, for a name that is not known, the nearest one that is. Reads the file named, nothing else; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/config/settings.h"

namespace longhaul::server {

struct SettingSources {
  std::optional<std::string> config_file;
  std::map<std::string, std::string> environment;  // all variables of the process
  std::map<std::string, std::string> flags;        // by option: "listen" -> "127.0.0.1:0"
  std::vector<std::string> tasks;                  // of --task: "NAME=PROGRAM ARGS"
};

[[nodiscard]] base::Result<Settings> load_settings(const SettingSources& sources);

}  // namespace longhaul::server
