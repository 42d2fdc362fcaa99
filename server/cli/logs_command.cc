#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "server/cli/argument_checks.h"
#include "server/cli/commands.h"
#include "server/cli/session.h"
#include "server/cli/status_text.h"
#include "server/cli/task_wait.h"
#include "server/cli/terminal.h"

namespace longhaul::server {
namespace {

struct LogArguments {
  ClientOptions client;
  std::string task_id;
  std::string after = "0";
  bool follow = false;
};

// Prints the lines behind `after` and moves it on, until there are none.
Accepted<bool> print_new_lines(Session& session, const std::string& task_id, std::string& after) {
  for (;;) {
    const auto reply = session.get(task_path(task_id) + "/logs", {{"after", after}});
    if (!reply) return base::Failure{reply.error()};
    const auto page = session.read(*reply);
    if (!page) return base::Failure{page.error()};
    const auto lines = page->array("lines");
    for (const api::RawJson& element : lines) {
      const JsonObject line(element);
      if (line.text("stream") == "server") std::cout << "[longhaul] ";
      std::cout << printable(line.text("text")) << '\n';
      after = line.text("n");
    }
    std::cout.flush();
    if (lines.empty()) return page->text("truncated") == "true";
  }
}

ExitCode run(const LogArguments& arguments) {
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  std::string after = arguments.after;
  if (session->json()) {
    const auto reply = session->get(task_path(arguments.task_id) + "/logs", {{"after", after}});
    if (!reply) return reply.error();
    Session::print(*reply);
    return ExitCode::ok;
  }
  ExitCode printing = ExitCode::ok;
  auto truncated = print_new_lines(*session, arguments.task_id, after);
  if (truncated && arguments.follow) {
    WaitOptions options;
    options.poll_seconds = 1;
    options.on_status = [&](const JsonObject&) {
      truncated = print_new_lines(*session, arguments.task_id, after);
    };
    const auto outcome = wait_for_task(*session, arguments.task_id, options);
    if (!outcome) printing = outcome.error();
  }
  if (!truncated) return truncated.error();
  if (*truncated) complain("this log was cut at the type's max_log_bytes");
  return printing;
}

}  // namespace

void add_logs_command(CLI::App& app, Action& chosen) {
  auto* const command = app.add_subcommand("logs", "Print what a task wrote to its log");
  auto arguments = std::make_shared<LogArguments>();
  command->add_option("ID", arguments->task_id, "Id of the task")
      ->required()
      ->check(not_empty())
      ->type_name("");
  command->add_option("--after", arguments->after, "Only lines behind this number")
      ->type_name("N")
      ->check(whole_number());
  auto* const follow = command->add_flag("--follow", arguments->follow, "Go on until the task has ended");
  add_client_options(*command, arguments->client);
  follow->excludes("--json");
  command->callback(
      [arguments, &chosen] { chosen = [arguments] { return static_cast<int>(run(*arguments)); }; });
}

}  // namespace longhaul::server
