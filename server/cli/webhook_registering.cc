// webhooks add, list, show, change, rotate, enable, disable, remove: one call each, and its answer printed.
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/json_writer.h"
#include "api/utf8.h"
#include "server/cli/command.h"
#include "server/cli/delivery_wait.h"
#include "server/cli/session.h"
#include "server/cli/terminal.h"
#include "server/cli/webhook_commands.h"
#include "server/cli/webhook_text.h"

namespace longhaul::server {
namespace {

// What is given of a webhook; what is not is left to the server, or as it is.
struct Members {
  std::optional<std::string> url;
  std::vector<std::string> events;
  std::vector<std::string> types;
  std::vector<std::string> queues;
  bool all_types = false;
  bool all_queues = false;
  std::optional<std::string> description;
};

struct AddArguments {
  ClientOptions client;
  Members members;
};

struct ChangeArguments {
  ClientOptions client;
  std::string webhook_id;
  Members members;
};

struct OneWebhook {
  ClientOptions client;
  std::string webhook_id;
};

void write_text(api::JsonWriter& writer, std::string_view field, const std::optional<std::string>& text) {
  if (text) writer.key(field).string(*text);
}

void write_names(api::JsonWriter& writer, std::string_view field, const std::vector<std::string>& names,
                 bool all) {
  if (all) writer.key(field).null();
  if (names.empty()) return;
  writer.key(field).begin_array();
  for (const std::string& name : names) writer.string(name);
  writer.end_array();
}

base::Result<std::string> request_body(const Members& members) {
  std::vector<std::string> texts{members.url.value_or(""), members.description.value_or("")};
  for (const auto* const names : {&members.events, &members.types, &members.queues})
    texts.insert(texts.end(), names->begin(), names->end());
  for (const std::string& text : texts) {
    if (!api::is_utf8(text)) return base::fail("'" + text + "' is not UTF-8, so it cannot be sent as JSON");
  }
  api::JsonWriter writer;
  writer.begin_object();
  write_text(writer, "url", members.url);
  write_names(writer, "events", members.events, false);
  write_names(writer, "types", members.types, members.all_types);
  write_names(writer, "queues", members.queues, members.all_queues);
  write_text(writer, "description", members.description);
  writer.end_object();
  return writer.take();
}

// An answer that is a webhook, as it came or for people; and what there is to know of a secret in it.
ExitCode print_webhook(const Session& session, const Accepted<Reply>& reply) {
  if (!reply) return reply.error();
  if (session.json()) {
    Session::print(*reply);
    return ExitCode::ok;
  }
  const auto webhook = session.read(*reply);
  if (!webhook) return webhook.error();
  std::cout << webhook_text(*webhook) << std::flush;
  if (webhook->find("secret"))
    std::cerr
        << "The secret is shown this once. Give it to the receiver, which verifies signatures with it.\n";
  return ExitCode::ok;
}

// `send` makes the call with that body.
template <class Send>
ExitCode send_members(const ClientOptions& client, const Members& members, const Send& send) {
  const auto body = request_body(members);
  if (!body) {
    complain(body.error().message);
    return ExitCode::usage;
  }
  auto session = Session::open(client);
  if (!session) return session.error();
  return print_webhook(*session, send(*session, *body));
}

ExitCode run_add(const AddArguments& arguments) {
  return send_members(arguments.client, arguments.members, [](Session& session, const std::string& body) {
    return session.post("/webhooks", {}, body, {});
  });
}

ExitCode run_change(const ChangeArguments& arguments) {
  return send_members(arguments.client, arguments.members,
                      [&arguments](Session& session, const std::string& body) {
                        return session.patch(webhook_path(arguments.webhook_id), body);
                      });
}

ExitCode run_list(const ClientOptions& client) {
  auto session = Session::open(client);
  if (!session) return session.error();
  const auto reply = session->get("/webhooks");
  if (!reply) return reply.error();
  if (session->json()) {
    Session::print(*reply);
    return ExitCode::ok;
  }
  const auto list = session->read(*reply);
  if (!list) return list.error();
  std::vector<JsonObject> webhooks;
  for (const api::RawJson& webhook : list->array("webhooks")) webhooks.emplace_back(webhook);
  std::cout << webhook_table(webhooks);
  return ExitCode::ok;
}

ExitCode run_show(Session& session, const std::string& webhook_id) {
  return print_webhook(session, session.get(webhook_path(webhook_id)));
}

ExitCode run_rotate(Session& session, const std::string& webhook_id) {
  return print_webhook(session, session.post(webhook_path(webhook_id) + "/rotate-secret", {}, "", {}));
}

ExitCode run_enable(Session& session, const std::string& webhook_id) {
  return print_webhook(session, session.patch(webhook_path(webhook_id), R"({"disabled":false})"));
}

ExitCode run_disable(Session& session, const std::string& webhook_id) {
  return print_webhook(session, session.patch(webhook_path(webhook_id), R"({"disabled":true})"));
}

ExitCode run_remove(Session& session, const std::string& webhook_id) {
  const auto reply = session.remove(webhook_path(webhook_id), {}, 0);
  if (!reply) return reply.error();
  if (!session.json()) std::cout << "removed\n";  // the server's own JSON is none
  return ExitCode::ok;
}

Option add_names(Command command, const std::string& flag, std::vector<std::string>& names,
                 const std::string& type_name, const std::string& help) {
  return command.option(flag, names, help).type_name(type_name).repeatable();
}

void add_add(Command webhooks) {
  const Command command =
      webhooks.subcommand("add", "Register a URL to be told, and print its id and its secret");
  auto arguments = std::make_shared<AddArguments>();
  Members& members = arguments->members;
  command.option("URL", members.url, "Where events are posted to").required().type_name("");
  add_names(command, "--event", members.events, "EVENT",
            "As task.failed, or '*' for every event; may be repeated (the four final ones)");
  add_names(command, "--type", members.types, "TYPE", "Only of tasks of this type; may be repeated");
  add_names(command, "--queue", members.queues, "NAME", "Only of tasks in this queue; may be repeated");
  command.option("--description", members.description, "What it is for").type_name("TEXT");
  add_client_options(command, arguments->client);
  command.when_chosen(arguments, run_add);
}

void add_change(Command webhooks) {
  const Command command =
      webhooks.subcommand("change", "Change what is given of a webhook; the rest stays as it is");
  auto arguments = std::make_shared<ChangeArguments>();
  Members& members = arguments->members;
  command.id(arguments->webhook_id, "Id of the webhook");
  command.option("--url", members.url, "Where events are posted to, also those that are owed already")
      .type_name("URL");
  add_names(command, "--event", members.events, "EVENT",
            "As task.failed, or '*' for every event, instead of those until now; may be repeated");
  const Option types = add_names(command, "--type", members.types, "TYPE",
                                 "Only of tasks of this type, instead of those until now; may be repeated");
  command.flag("--all-types", members.all_types, "Of tasks of every type").excludes(types);
  const Option queues = add_names(command, "--queue", members.queues, "NAME",
                                  "Only of tasks in this queue, instead of those until now; may be repeated");
  command.flag("--all-queues", members.all_queues, "Of tasks in every queue").excludes(queues);
  command.option("--description", members.description, "What it is for").type_name("TEXT");
  add_client_options(command, arguments->client);
  command.when_chosen(arguments, run_change);
}

void add_list(Command webhooks) {
  const Command command = webhooks.subcommand("list", "List the webhooks, oldest first");
  auto client = std::make_shared<ClientOptions>();
  add_client_options(command, *client);
  command.when_chosen(client, run_list);
}

// A command that takes the id of a webhook and nothing else.
void add_for_one(Command webhooks, const std::string& name, const std::string& help,
                 ExitCode (*run)(Session&, const std::string&)) {
  const Command command = webhooks.subcommand(name, help);
  auto arguments = std::make_shared<OneWebhook>();
  command.id(arguments->webhook_id, "Id of the webhook");
  add_client_options(command, arguments->client);
  command.when_chosen([arguments, run] {
    auto session = Session::open(arguments->client);
    return session ? run(*session, arguments->webhook_id) : session.error();
  });
}

}  // namespace

void add_webhook_registering(Command webhooks) {
  add_add(webhooks);
  add_list(webhooks);
  add_for_one(webhooks, "show", "Show a webhook, and why it is disabled if it is", run_show);
  add_change(webhooks);
  add_for_one(webhooks, "rotate", "Make another secret and print it; the old one signs too for 24 hours",
              run_rotate);
  add_for_one(webhooks, "enable", "Send to it again", run_enable);
  add_for_one(webhooks, "disable", "Send nothing to it; what it would have been told is kept for 'recover'",
              run_disable);
  add_for_one(webhooks, "remove", "Forget it, and what it is still owed", run_remove);
}

}  // namespace longhaul::server
