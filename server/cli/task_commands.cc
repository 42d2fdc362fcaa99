// status, cancel and tasks: one call each, and its answer printed.
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "api/limits.h"
#include "server/cli/argument_checks.h"
#include "server/cli/command.h"
#include "server/cli/commands.h"
#include "server/cli/session.h"
#include "server/cli/status_text.h"
#include "server/cli/task_wait.h"
#include "server/cli/terminal.h"

namespace longhaul::server {
namespace {

struct TaskArguments {
  ClientOptions client;
  std::string task_id;
  std::string reason;
  std::optional<double> wait;
};

ExitCode run_status(const TaskArguments& arguments) {
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  const auto reply = session->get(status_path(arguments.task_id));
  if (!reply) return reply.error();
  const auto status = session->read(*reply);
  if (!status) return status.error();
  print_status(*session, *reply, *status);
  return ExitCode::ok;
}

ExitCode run_cancel(const TaskArguments& arguments) {
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  NameValues query;
  if (!arguments.reason.empty()) query.emplace_back("reason", arguments.reason);
  if (arguments.wait) query.emplace_back("wait", std::to_string(*arguments.wait));
  const auto reply = session->remove(task_path(arguments.task_id), query, arguments.wait.value_or(0));
  if (!reply) return reply.error();
  const auto status = session->read(*reply);
  if (!status) return status.error();
  const bool stopped = is_final_status(*status);
  if (session->json()) {
    Session::print(*reply);
  } else {
    std::cout << printable(status->text("status")) << '\n';
    if (!stopped) hint("Its work has been told to stop; it reads 'cancelled' once it has.");
  }
  return stopped || !arguments.wait ? ExitCode::ok : ExitCode::still_running;
}

struct ListArguments {
  ClientOptions client;
  NameValues query;
  std::vector<std::string> tags;
};

ExitCode run_tasks(const ListArguments& arguments) {
  NameValues query = arguments.query;
  for (const std::string& tag : arguments.tags) {
    const auto equals = tag.find('=');
    if (equals == std::string::npos) {
      complain("--tag must be NAME=VALUE, not '" + tag + "'");
      return ExitCode::usage;
    }
    query.emplace_back("tag." + tag.substr(0, equals), tag.substr(equals + 1));
  }
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  const auto reply = session->get("/tasks", query);
  if (!reply) return reply.error();
  return session->print_page(*reply, "tasks", task_table);
}

}  // namespace

void add_status_command(Command program) {
  const Command command = program.subcommand("status", "Show where a task stands");
  auto arguments = std::make_shared<TaskArguments>();
  command.id(arguments->task_id, "Id of the task");
  add_client_options(command, arguments->client);
  command.when_chosen(arguments, run_status);
}

void add_cancel_command(Command program) {
  const Command command = program.subcommand("cancel", "Cancel a task and print what it is then");
  auto arguments = std::make_shared<TaskArguments>();
  command.id(arguments->task_id, "Id of the task");
  command.option("--reason", arguments->reason, "Why; kept with the task").type_name("TEXT");
  command.option("--wait", arguments->wait, "Wait so long for it to have stopped, at most 300")
      .type_name("SECONDS")
      .check(seconds_up_to(api::limits::wait_seconds_max));
  add_client_options(command, arguments->client);
  command.when_chosen(arguments, run_cancel);
}

void add_tasks_command(Command program) {
  const Command command = program.subcommand("tasks", "List tasks, newest first");
  auto arguments = std::make_shared<ListArguments>();
  NameValues& query = arguments->query;
  add_parameter(command, "--status", query, "status", "STATUS", "queued, running, succeeded, failed...");
  add_parameter(command, "--type", query, "type", "TYPE", "Of this type");
  add_parameter(command, "--queue", query, "queue", "NAME", "In this queue");
  command.option("--tag", arguments->tags, "With this tag; may be repeated, then all must match")
      .type_name("NAME=VALUE")
      .repeatable();
  add_parameter(command, "--created-after", query, "created_after", "TIME",
                "Later than, as 2030-01-31T12:00:00Z");
  add_parameter(command, "--created-before", query, "created_before", "TIME", "Earlier than");
  add_parameter(command, "--page-size", query, "page_size", "N", "How many at once, up to 500");
  add_parameter(command, "--page-token", query, "page_token", "TOKEN", "Go on where the page before ended");
  add_client_options(command, arguments->client);
  command.when_chosen(arguments, run_tasks);
}

}  // namespace longhaul::server
