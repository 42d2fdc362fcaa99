// webhooks: the commands below it, and of them `secret`, which asks no server: it reads settings and the database file.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "server/cli/commands.h"
#include "server/cli/database_settings.h"
#include "server/cli/terminal.h"
#include "server/cli/webhook_commands.h"
#include "storage/sqlite/kept_secret.h"

namespace longhaul::server {
namespace {

ExitCode print_secret(const SettingSources& sources) {
  const auto settings = load_settings(sources);
  if (!settings) {
    complain(settings.error().message);
    return ExitCode::usage;
  }
  if (!settings->callback_secret.empty()) {
    std::cout << settings->callback_secret << "\n";
    return ExitCode::ok;
  }
  const auto kept = storage::read_kept_secret(settings->database);
  if (!kept) {
    complain(kept.error().message);
    return ExitCode::task_did_not_succeed;
  }
  std::cout << *kept << "\n";
  return ExitCode::ok;
}

}  // namespace

void add_webhooks_command(CLI::App& app, Action& chosen) {
  auto* const webhooks =
      app.add_subcommand("webhooks", "Register URLs to be told of tasks, and look after them");
  webhooks->require_subcommand(1);
  add_webhook_registering(*webhooks, chosen);
  add_webhook_deliveries(*webhooks, chosen);
  auto* const secret = webhooks->add_subcommand(
      "secret", "Print the secret that signs the callbacks of tasks: of the settings, else of the database");
  auto sources = std::make_shared<SettingSources>();
  add_database_options(*secret, *sources);
  secret->callback(
      [sources, &chosen] { chosen = [sources] { return static_cast<int>(print_secret(*sources)); }; });
}

}  // namespace longhaul::server
