// webhooks: the commands below it, and of them `secret`, which asks no server: it reads settings and the database file.
#include <iostream>
#include <memory>

#include "server/cli/command.h"
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

void add_webhooks_command(Command program) {
  const Command webhooks =
      program.subcommand("webhooks", "Register URLs to be told of tasks, and look after them");
  webhooks.require_subcommand();
  add_webhook_registering(webhooks);
  add_webhook_deliveries(webhooks);
  const Command secret = webhooks.subcommand(
      "secret", "Print the secret that signs the callbacks of tasks: of the settings, else of the database");
  auto sources = std::make_shared<SettingSources>();
  add_database_options(secret, *sources);
  secret.when_chosen(sources, print_secret);
}

}  // namespace longhaul::server
