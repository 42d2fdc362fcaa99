// migrate: brings a database up to date while no server has it open. A server does the same when it starts;
// this is for those who want it done, and seen, before.
#include <iostream>
#include <memory>
#include <string>

#include "base/clock.h"
#include "server/cli/command.h"
#include "server/cli/commands.h"
#include "server/cli/database_settings.h"
#include "server/cli/terminal.h"
#include "storage/sqlite/database_file.h"

namespace longhaul::server {
namespace {

struct MigrateArguments {
  SettingSources sources;
  bool vacuum = false;
};

void print(const std::string& path, const storage::UpgradeReport& report, bool vacuum) {
  const auto [before, after] = report.schema;
  if (before == after) {
    std::cout << path << ": schema version " << after << ", up to date\n";
  } else {
    std::cout << path << ": schema version " << before << " -> " << after << '\n';
  }
  if (vacuum) {
    std::cout << path << ": written anew, " << report.bytes_before << " -> " << report.bytes_after
              << " bytes\n";
  } else if (!report.gives_space_back) {
    std::cout << path << ": was made by a version whose files never get smaller; "
              << "'longhaul migrate --vacuum' writes it anew\n";
  }
}

ExitCode run(const MigrateArguments& arguments) {
  const auto settings = load_settings(arguments.sources);
  if (!settings) {
    complain(settings.error().message);
    return ExitCode::usage;
  }
  const base::SystemClock clock;
  const auto report = storage::upgrade_database({settings->database, arguments.vacuum, &clock});
  if (!report) {
    complain(report.error().message);
    return ExitCode::task_did_not_succeed;
  }
  print(settings->database, *report, arguments.vacuum);
  return ExitCode::ok;
}

}  // namespace

void add_migrate_command(Command program) {
  const Command command =
      program.subcommand("migrate", "Bring the database up to date; the server must be stopped");
  auto arguments = std::make_shared<MigrateArguments>();
  command.flag("--vacuum", arguments->vacuum,
               "Write the file anew: without gaps, and giving space back from then on;\n"
               "takes as much disk again while it runs");
  add_database_options(command, arguments->sources);
  command.when_chosen(arguments, run);
}

}  // namespace longhaul::server
