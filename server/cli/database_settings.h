// Which database the operator's commands work on: the one that a server with the same configuration, variables
// and flags would use. One thread.
#pragma once

#include "server/config/load_settings.h"

namespace longhaul::server {

class Command;

// --config and --database. `sources` must outlive the parsing.
void add_database_options(Command command, SettingSources& sources);

}  // namespace longhaul::server
