// backup: a copy of the database, while the server runs or not.
#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "server/cli/argument_checks.h"
#include "server/cli/command.h"
#include "server/cli/commands.h"
#include "server/cli/database_settings.h"
#include "server/cli/terminal.h"
#include "storage/sqlite/backup.h"

namespace longhaul::server {
namespace {

struct BackupArguments {
  SettingSources sources;
  std::string file;
  bool force = false;
};

ExitCode run(const BackupArguments& arguments) {
  const auto settings = load_settings(arguments.sources);
  if (!settings) {
    complain(settings.error().message);
    return ExitCode::usage;
  }
  storage::BackupOptions options;
  options.from = settings->database;
  options.to = arguments.file;
  options.overwrite = arguments.force;
  LiveLine line;
  // For somebody who sits there; a line for each step in a file would tell nobody anything.
  if (::isatty(STDOUT_FILENO) == 1) {
    options.on_progress = [&line](std::int64_t done, std::int64_t all) {
      line.show("copied " + std::to_string(done) + " of " + std::to_string(all) + " pages");
    };
  }
  const auto report = storage::back_up(options);
  line.clear();
  if (!report) {
    complain(report.error().message);
    return ExitCode::task_did_not_succeed;
  }
  std::cout << arguments.file << ": " << report->tasks << " tasks, " << report->bytes << " bytes, verified\n";
  return ExitCode::ok;
}

}  // namespace

void add_backup_command(Command program) {
  const Command command =
      program.subcommand("backup", "Copy the database to a file, also while the server runs, and verify it");
  auto arguments = std::make_shared<BackupArguments>();
  command.option("FILE", arguments->file, "The backup: a database that 'serve --database' can open")
      .required()
      .check(not_empty())
      .type_name("");
  command.flag("--force", arguments->force, "Replace FILE if it is there already");
  add_database_options(command, arguments->sources);
  command.when_chosen(arguments, run);
}

}  // namespace longhaul::server
