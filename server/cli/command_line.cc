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

// What was chosen, from the outermost: `webhooks`, then `add`.
std::vector<const CLI::App*> chosen_commands(const CLI::App& app) {
  std::vector<const CLI::App*> path;
  for (const CLI::App* at = &app; at != nullptr;) {
    const auto below = at->get_subcommands();
    at = below.empty() ? nullptr : below.front();
    if (at != nullptr) path.push_back(at);
  }
  return path;
}

// What to say of a word in the place of a command, if it is none of those that `app` has.
std::optional<std::string> unknown_command(const CLI::App& app, const std::string& written) {
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == written) return std::nullopt;
    if (!command->get_group().empty()) known.push_back(command->get_name());
  }
  if (known.empty() || written.starts_with('-')) return std::nullopt;
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
  auto unknown = unknown_command(app, argv[1]);
  for (const CLI::App* chosen : chosen_commands(app)) {
    command += " " + chosen->get_name();
    const auto remaining = chosen->remaining();
    if (!unknown && !remaining.empty()) unknown = unknown_command(*chosen, remaining.front());
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
