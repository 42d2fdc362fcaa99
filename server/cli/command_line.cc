#include "server/cli/command_line.h"

#include <cerrno>
#include <iostream>
#include <string>
#include <system_error>

#include "server/cli/command.h"
#include "server/cli/commands.h"
#include "server/cli/terminal.h"

namespace longhaul::server {
namespace {

constexpr const char* description =
    "longhaul runs long work in the background: start it, poll it, cancel it, give it a deadline.";

std::string footer() {
  return exit_code_help() +
         "\n\nenvironment:\n"
         "  LONGHAUL_SERVER   URL of the server, for the client commands\n"
         "  LONGHAUL_API_KEY  the key: what 'serve' asks of clients, what client commands send";
}

// What was printed is worth nothing if it did not arrive: a full disk, a closed stdout.
ExitCode finish_output(ExitCode exit_code) {
  errno = 0;  // stays so when an earlier write has failed: the reason is gone then
  std::cout.flush();
  if (std::cout.good()) return exit_code;
  complain("not all of the output could be written" +
           (errno == 0 ? "" : ": " + std::generic_category().message(errno)));
  return exit_code == ExitCode::ok ? ExitCode::task_did_not_succeed : exit_code;
}

ExitCode run(int argc, char** argv) {
  Program program("longhaul", description);
  program.version("longhaul " LONGHAUL_VERSION);
  const Command root = program.command();
  root.require_subcommand();
  root.footer(footer());
  add_serve_command(root);
  add_start_command(root);
  add_status_command(root);
  add_watch_command(root);
  add_cancel_command(root);
  add_tasks_command(root);
  add_logs_command(root);
  add_reload_command(root);
  add_backup_command(root);
  add_migrate_command(root);
  add_doctor_command(root);
  add_webhooks_command(root);
  add_settings_command(root);
  root.subcommand("version", "Print the version").when_chosen([] {
    std::cout << "longhaul " LONGHAUL_VERSION "\n";
    return ExitCode::ok;
  });
  root.footer(footer() + "\n\nEach command has its own --help.");
  if (argc < 2) {
    std::cerr << program.help();
    return ExitCode::usage;
  }
  const auto chosen = program.parse(argc, argv);
  if (chosen) return chosen.value()();
  complain(chosen.error().message);
  return ExitCode::usage;
}

}  // namespace

int run_command_line(int argc, char** argv) { return static_cast<int>(finish_output(run(argc, argv))); }

}  // namespace longhaul::server
