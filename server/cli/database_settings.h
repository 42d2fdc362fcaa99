// Which database the operator's commands work on: the one that a server with the same configuration, variables
// and flags would use. One thread.
#pragma once

#include "server/config/load_settings.h"

namespace CLI {
class App;
}

namespace longhaul::server {

// --config and --database. `sources` must outlive the parsing.
void add_database_options(CLI::App& command, SettingSources& sources);

}  // namespace longhaul::server
