#include "server/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "server/cli/commands.h"
#include "server/cli/terminal.h"
#include "server/config/nearest_name.h"

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

// The first argument when it looks like a command and is none: what to say of it.
std::optional<std::string> unknown_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return std::nullopt;
  const std::string written = argv[1];
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == written) return std::nullopt;
    if (!command->get_group().empty()) known.push_back(command->get_name());
  }
  const auto nearest = nearest_name(written, known);
  return "there is no command '" + written + "'" + (nearest ? "; did you mean '" + *nearest + "'?" : "");
}

// An option that the chosen command does not have, though it may have one that is written nearly so.
std::optional<std::string> unknown_option(const CLI::App& command) {
  for (const std::string& argument : command.remaining()) {
    if (!argument.starts_with("--")) continue;
    const std::string written = argument.substr(2, argument.find('=') - 2);
    std::vector<std::string> known;
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back(name);
    }
    const auto nearest = nearest_name(written, known);
    return "there is no option '--" + written + "'" + (nearest ? "; did you mean '--" + *nearest + "'?" : "");
  }
  return std::nullopt;
}

int complain_about_usage(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  if (argc < 2) {
    std::cerr << app.help();
    return static_cast<int>(ExitCode::usage);
  }
  std::string command = "longhaul";
  auto unknown = unknown_command(app, argc, argv);
  for (const CLI::App* chosen : app.get_subcommands()) {
    command += " " + chosen->get_name();
    if (!unknown) unknown = unknown_option(*chosen);
  }
  complain(unknown.value_or(error.what()) + "\n'" + command + " --help' shows what it takes.");
  return static_cast<int>(ExitCode::usage);
}

// What was printed is worth nothing if it did not arrive: a full disk, a closed stdout.
int finish_output(int exit_code) {
  errno = 0;  // stays so when an earlier write has failed: the reason is gone then
  std::cout.flush();
  if (std::cout.good()) return exit_code;
  complain("not all of the output could be written" +
           (errno == 0 ? "" : ": " + std::generic_category().message(errno)));
  return exit_code == 0 ? static_cast<int>(ExitCode::task_did_not_succeed) : exit_code;
}

int run(int argc, char** argv) {
  CLI::App app(description, "longhaul");
  app.set_version_flag("--version", "longhaul " LONGHAUL_VERSION);
  app.require_subcommand(1);
  app.footer(footer());
  Action chosen;
  add_serve_command(app, chosen);
  add_start_command(app, chosen);
  add_status_command(app, chosen);
  add_watch_command(app, chosen);
  add_cancel_command(app, chosen);
  add_tasks_command(app, chosen);
  add_logs_command(app, chosen);
  add_reload_command(app, chosen);
  add_backup_command(app, chosen);
  add_migrate_command(app, chosen);
  add_doctor_command(app, chosen);
  add_webhooks_command(app, chosen);
  add_settings_command(app, chosen);
  app.add_subcommand("version", "Print the version")->callback([&chosen] {
    chosen = [] {
      std::cout << "longhaul " LONGHAUL_VERSION "\n";
      return static_cast<int>(ExitCode::ok);
    };
  });
  app.footer(footer() + "\n\nEach command has its own --help.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return complain_about_usage(app, error, argc, argv);
  }
  return chosen();
}

}  // namespace

int run_command_line(int argc, char** argv) { return finish_output(run(argc, argv)); }

}  // namespace longhaul::server
