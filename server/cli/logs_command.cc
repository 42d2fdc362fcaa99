#include <iostream>
#include <memory>
#include <optional>

#include "server/cli/argument_checks.h"
#include "server/cli/command.h"
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

void print_line(const JsonObject& line) {
  if (line.text("stream") == "server") std::cout << "[longhaul] ";
  std::cout << printable(line.text("text")) << '\n';
}

// Prints the lines behind `after` until there are none; whether the log was cut.
Accepted<bool> print_lines(Session& session, const std::string& task_id, std::string after) {
  for (;;) {
    const auto reply = session.get(task_path(task_id) + "/logs", {{"after", after}});
    if (!reply) return base::Failure{reply.error()};
    const auto page = session.read(*reply);
    if (!page) return base::Failure{page.error()};
    const auto lines = page->array("lines");
    for (const api::RawJson& element : lines) {
      const JsonObject line(element);
      print_line(line);
      after = line.text("n");
    }
    std::cout.flush();
    if (lines.empty()) return page->text("truncated") == "true";
  }
}

// The same as lines are written, until the task has ended.
Accepted<bool> follow_lines(Session& session, const std::string& task_id, const std::string& after) {
  std::string last = after;
  std::optional<bool> truncated;
  const auto followed =
      session.follow(task_path(task_id) + "/logs", {{"after", after}}, [&](const ServerEvent& event) {
        const auto data = JsonObject::read(event.data);
        if (!data) return true;
        if (event.name == "end") truncated = data->text("truncated") == "true";
        if (event.name == "log") {
          print_line(*data);
          std::cout.flush();  // at once: somebody may be reading the pipe
          last = data->text("n");
        }
        return !truncated.has_value();
      });
  if (!followed) return base::Failure{followed.error()};
  if (truncated) return *truncated;
  return print_lines(session, task_id, last);  // the end was told, and lost on the way
}

ExitCode run(const LogArguments& arguments) {
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  if (session->json()) {
    const auto reply = session->get(task_path(arguments.task_id) + "/logs", {{"after", arguments.after}});
    if (!reply) return reply.error();
    Session::print(*reply);
    return ExitCode::ok;
  }
  const auto truncated = arguments.follow ? follow_lines(*session, arguments.task_id, arguments.after)
                                          : print_lines(*session, arguments.task_id, arguments.after);
  if (!truncated) return truncated.error();
  if (*truncated) complain("this log was cut at the type's max_log_bytes");
  return ExitCode::ok;
}

}  // namespace

void add_logs_command(Command program) {
  const Command command = program.subcommand("logs", "Print what a task wrote to its log");
  auto arguments = std::make_shared<LogArguments>();
  command.id(arguments->task_id, "Id of the task");
  command.option("--after", arguments->after, "Only lines behind this number")
      .type_name("N")
      .check(whole_number());
  const Option follow = command.flag("--follow", arguments->follow, "Go on until the task has ended");
  add_client_options(command, arguments->client);
  follow.excludes("--json");
  command.when_chosen(arguments, run);
}

}  // namespace longhaul::server
