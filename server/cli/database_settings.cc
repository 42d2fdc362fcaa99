#include "server/cli/database_settings.h"

#include <string>

#include "server/cli/command.h"
#include "server/cli/process_environment.h"

namespace longhaul::server {

void add_database_options(Command command, SettingSources& sources) {
  sources.environment = environment_of_process();
  command.option("--config", sources.config_file, "The server's settings").type_name("FILE");
  command
      .option(
          "--database", [&sources](const std::string& path) { sources.flags["database"] = path; },
          "The database, if it is another than the settings say")
      .type_name("FILE");
}

}  // namespace longhaul::server
