#include <CLI/CLI.hpp>
#include <memory>

#include "server/cli/argument_checks.h"
#include "server/cli/commands.h"
#include "server/cli/session.h"
#include "server/cli/status_text.h"
#include "server/cli/task_wait.h"
#include "server/cli/terminal.h"

namespace longhaul::server {
namespace {

struct WatchArguments {
  ClientOptions client;
  std::string task_id;
};

ExitCode run(const WatchArguments& arguments) {
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  LiveLine line;
  WaitOptions options;
  if (!session->json()) {
    options.poll_seconds = 1;
    options.on_status = [&line](const JsonObject& status) {
      if (!is_final_status(status)) line.show(progress_line(status));
    };
  }
  const auto outcome = wait_for_task(*session, arguments.task_id, options);
  line.clear();
  if (!outcome) return outcome.error();
  print_status(*session, outcome->reply, outcome->status);
  return outcome->exit_code;
}

}  // namespace

void add_watch_command(CLI::App& app, Action& chosen) {
  auto* const command =
      app.add_subcommand("watch", "Follow a task until it ends; interrupting this leaves the task alone");
  auto arguments = std::make_shared<WatchArguments>();
  command->add_option("ID", arguments->task_id, "Id of the task")
      ->required()
      ->check(not_empty())
      ->type_name("");
  add_client_options(*command, arguments->client);
  command->callback(
      [arguments, &chosen] { chosen = [arguments] { return static_cast<int>(run(*arguments)); }; });
}

}  // namespace longhaul::server
