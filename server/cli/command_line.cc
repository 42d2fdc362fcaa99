#include "server/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>
#include <string>
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

int complain_about_usage(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  if (argc < 2) {
    std::cerr << app.help();
    return static_cast<int>(ExitCode::usage);
  }
  std::string command = "longhaul";
  for (const CLI::App* chosen : app.get_subcommands()) command += " " + chosen->get_name();
  const auto unknown = unknown_command(app, argc, argv);
  complain(unknown.value_or(error.what()) + "\n'" + command + " --help' shows what it takes.");
  return static_cast<int>(ExitCode::usage);
}

}  // namespace

int run_command_line(int argc, char** argv) {
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

}  // namespace longhaul::server
