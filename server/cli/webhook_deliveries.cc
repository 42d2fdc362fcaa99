// webhooks test, deliveries, redeliver, recover.
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/json_writer.h"
#include "api/limits.h"
#include "api/utf8.h"
#include "server/cli/argument_checks.h"
#include "server/cli/command.h"
#include "server/cli/delivery_wait.h"
#include "server/cli/session.h"
#include "server/cli/task_wait.h"
#include "server/cli/terminal.h"
#include "server/cli/webhook_commands.h"
#include "server/cli/webhook_text.h"

namespace longhaul::server {
namespace {

constexpr double test_wait_seconds = 20;  // more than an attempt may take

struct SendArguments {
  ClientOptions client;
  std::string id;  // of the webhook, or of the delivery
  std::optional<double> wait;
};

struct ListArguments {
  ClientOptions client;
  std::optional<std::string> webhook_id;
  std::optional<std::string> task_id;
  NameValues query;
};

struct RecoverArguments {
  ClientOptions client;
  std::string webhook_id;
  std::string since;
};

void print_delivery(const Session& session, const Reply& reply, const JsonObject& delivery) {
  if (session.json()) {
    Session::print(reply);
  } else {
    std::cout << delivery_text(delivery);
  }
}

// A call that makes a delivery due; then its end is waited for, if that is wanted.
ExitCode send(Session& session, const std::string& path, const std::optional<double>& wait) {
  const auto reply = session.post(path, {}, "", {});
  if (!reply) return reply.error();
  const auto summary = session.read(*reply);
  if (!summary) return summary.error();
  if (!wait) {
    print_delivery(session, *reply, *summary);
    return ExitCode::ok;
  }
  const auto outcome = wait_for_delivery(session, summary->text("delivery_id"), *wait);
  if (!outcome) return outcome.error();
  print_delivery(session, outcome->reply, outcome->delivery);
  return outcome->exit_code;
}

ExitCode run_test(const SendArguments& arguments) {
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  return send(*session, webhook_path(arguments.id) + "/test", arguments.wait.value_or(test_wait_seconds));
}

ExitCode run_redeliver(const SendArguments& arguments) {
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  return send(*session, delivery_path(arguments.id) + "/redeliver", arguments.wait);
}

ExitCode run_deliveries(const ListArguments& arguments) {
  if (arguments.webhook_id.has_value() == arguments.task_id.has_value()) {
    complain("whose deliveries? Give the ID of a webhook, or --task TASK");
    return ExitCode::usage;
  }
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  const std::string owner =
      arguments.webhook_id ? webhook_path(*arguments.webhook_id) : task_path(*arguments.task_id);
  const auto reply = session->get(owner + "/deliveries", arguments.query);
  if (!reply) return reply.error();
  return session->print_page(*reply, "deliveries", delivery_table);
}

ExitCode run_recover(const RecoverArguments& arguments) {
  if (!api::is_utf8(arguments.since)) {
    complain("'" + arguments.since + "' is not UTF-8, so it cannot be sent as JSON");
    return ExitCode::usage;
  }
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  api::JsonWriter writer;
  writer.begin_object().key("since").string(arguments.since).end_object();
  const auto reply = session->post(webhook_path(arguments.webhook_id) + "/recover", {}, writer.take(), {});
  if (!reply) return reply.error();
  if (session->json()) {
    Session::print(*reply);
    return ExitCode::ok;
  }
  const auto answer = session->read(*reply);
  if (!answer) return answer.error();
  std::cout << printable(answer->text("matched")) << " to be sent again\n";
  return ExitCode::ok;
}

void add_wait(Command command, SendArguments& arguments, const std::string& help) {
  command.option("--wait", arguments.wait, help)
      .type_name("SECONDS")
      .check(seconds_up_to(api::limits::duration_seconds_max));
  add_client_options(command, arguments.client);
}

void add_test(Command webhooks) {
  const Command command = webhooks.subcommand("test", "Send it a webhook.test, and print what came of that");
  auto arguments = std::make_shared<SendArguments>();
  command.id(arguments->id, "Id of the webhook");
  add_wait(command, *arguments, "Wait so long for it to be delivered or given up (20)");
  command.when_chosen(arguments, run_test);
}

void add_redeliver(Command webhooks) {
  const Command command =
      webhooks.subcommand("redeliver", "Send a delivery once more, whatever became of it");
  auto arguments = std::make_shared<SendArguments>();
  command.id(arguments->id, "Id of the delivery");
  add_wait(command, *arguments, "Wait so long for it to be delivered or given up, and print what came of it");
  command.when_chosen(arguments, run_redeliver);
}

void add_deliveries(Command webhooks) {
  const Command command =
      webhooks.subcommand("deliveries", "List what a webhook was told or is to be told, newest first");
  auto arguments = std::make_shared<ListArguments>();
  NameValues& query = arguments->query;
  command.option("ID", arguments->webhook_id, "Id of the webhook").check(not_empty()).type_name("");
  const Option task =
      command.option("--task", arguments->task_id, "What is told of this task instead, oldest first")
          .check(not_empty())
          .type_name("TASK");
  add_parameter(command, "--status", query, "status", "STATUS", "pending, delivered or exhausted")
      .excludes(task);
  add_parameter(command, "--limit", query, "page_size", "N", "How many at once, up to 500").excludes(task);
  add_parameter(command, "--page-token", query, "page_token", "TOKEN", "Go on where the page before ended")
      .excludes(task);
  add_client_options(command, arguments->client);
  command.when_chosen(arguments, run_deliveries);
}

void add_recover(Command webhooks) {
  const Command command =
      webhooks.subcommand("recover", "Send again what it was told in vain, and while it was disabled");
  auto arguments = std::make_shared<RecoverArguments>();
  command.id(arguments->webhook_id, "Id of the webhook");
  command.option("--since", arguments->since, "Of events since then, as 2030-01-31T12:00:00Z")
      .required()
      .type_name("TIME");
  add_client_options(command, arguments->client);
  command.when_chosen(arguments, run_recover);
}

}  // namespace

void add_webhook_deliveries(Command webhooks) {
  add_test(webhooks);
  add_deliveries(webhooks);
  add_redeliver(webhooks);
  add_recover(webhooks);
}

}  // namespace longhaul::server
