#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/limits.h"
#include "api/utf8.h"
#include "server/cli/argument_checks.h"
#include "server/cli/command.h"
#include "server/cli/commands.h"
#include "server/cli/input_file.h"
#include "server/cli/session.h"
#include "server/cli/task_wait.h"
#include "server/cli/terminal.h"

namespace longhaul::server {
namespace {

// As they were typed: the server judges them, but for what would not even be JSON.
struct StartArguments {
  ClientOptions client;
  std::string type;
  std::optional<std::string> payload;
  std::vector<std::pair<std::string, std::string>> numbers;  // field of the request and its text
  std::vector<std::pair<std::string, std::string>> texts;
  std::optional<std::string> deadline;
  std::vector<std::string> tags;
  std::optional<std::string> idempotency_key;
  std::optional<std::string> cache_key;
  std::optional<std::string> fresh;  // seconds
  std::optional<std::string> stale;
  std::optional<std::string> on_timeout;
  std::optional<double> wait;

  // What comes in the place of a late task is the server's to say, so it is the one who waits.
  [[nodiscard]] bool server_waits() const { return cache_key || on_timeout == "cancel"; }
};

// JSON itself, @FILE, or - for stdin. Of a file no more is read than any server would take.
base::Result<std::string> payload_text(const std::string& argument) {
  if (argument != "-" && !argument.starts_with('@')) return argument;
  auto text = read_input(argument == "-" ? argument : argument.substr(1), api::limits::body_bytes_max);
  if (text) return text;
  return base::fail("--payload: " + text.error().message);
}

base::Result<api::RawJson> read_payload(const std::string& argument) {
  const auto text = payload_text(argument);
  if (!text) return base::Failure{text.error()};
  auto json = api::read_json(*text);
  if (json) return std::move(json).value();
  return base::fail("--payload is not JSON: " + json.error().detail +
                    "\nQuote it for the shell, as in --payload '{\"path\": \"README.md\"}', or give @FILE, "
                    "or - for stdin.");
}

std::optional<api::RawJson> as_number(const std::string& text) {
  auto json = api::read_json(text);
  if (!json || api::kind_of(*json) != api::JsonKind::number) return std::nullopt;
  return std::move(json).value();
}

base::Result<void> write_tags(api::JsonWriter& writer, const std::vector<std::string>& tags) {
  if (tags.empty()) return {};
  std::set<std::string> names;
  writer.key("tags").begin_object();
  for (const std::string& tag : tags) {
    const auto equals = tag.find('=');
    if (equals == std::string::npos) return base::fail("--tag must be NAME=VALUE, not '" + tag + "'");
    const std::string name = tag.substr(0, equals);
    if (!names.insert(name).second) return base::fail("--tag " + name + " is given twice");
    writer.key(name).string(tag.substr(equals + 1));
  }
  writer.end_object();
  return {};
}

base::Result<void> write_seconds(api::JsonWriter& writer, const std::string& field, const std::string& text) {
  const auto number = as_number(text);
  if (!number) return base::fail(field + " must be a number, not '" + text + "'");
  writer.key(field).raw(*number);
  return {};
}

base::Result<void> write_cache(api::JsonWriter& writer, const StartArguments& arguments) {
  if (!arguments.cache_key) return {};
  const std::string fresh = arguments.fresh.value_or("0");
  writer.key("cache").begin_object().key("key").string(*arguments.cache_key);
  if (auto written = write_seconds(writer, "fresh_seconds", fresh); !written) return written;
  if (auto written = write_seconds(writer, "stale_seconds", arguments.stale.value_or(fresh)); !written)
    return written;
  writer.end_object();
  return {};
}

// Everything that goes into the request as a JSON string.
std::vector<const std::string*> texts_of(const StartArguments& arguments) {
  std::vector<const std::string*> texts{&arguments.type};
  for (const auto& [field, text] : arguments.texts) texts.push_back(&text);
  for (const std::string& tag : arguments.tags) texts.push_back(&tag);
  for (const auto* const text : {&arguments.deadline, &arguments.cache_key, &arguments.on_timeout}) {
    if (*text) texts.push_back(&**text);
  }
  return texts;
}

base::Result<std::string> request_body(const StartArguments& arguments) {
  for (const std::string* const text : texts_of(arguments)) {
    if (!api::is_utf8(*text)) return base::fail("'" + *text + "' is not UTF-8, so it cannot be sent as JSON");
  }
  api::JsonWriter writer;
  writer.begin_object().key("type").string(arguments.type);
  if (arguments.payload) {
    const auto payload = read_payload(*arguments.payload);
    if (!payload) return base::Failure{payload.error()};
    writer.key("payload").raw(*payload);
  }
  for (const auto& [field, text] : arguments.texts) writer.key(field).string(text);
  for (const auto& [field, text] : arguments.numbers) {
    if (auto written = write_seconds(writer, field, text); !written) return base::Failure{written.error()};
  }
  if (auto written = write_cache(writer, arguments); !written) return base::Failure{written.error()};
  if (arguments.on_timeout) writer.key("on_timeout").string(*arguments.on_timeout);
  if (arguments.deadline) {
    if (const auto seconds = as_number(*arguments.deadline)) {
      writer.key("deadline_seconds").raw(*seconds);
    } else {
      writer.key("deadline_at").string(*arguments.deadline);
    }
  }
  const auto tags = write_tags(writer, arguments.tags);
  if (!tags) return base::Failure{tags.error()};
  writer.end_object();
  return writer.take();
}

// A header carries neither control characters nor blanks at its ends: what the server would get is another
// key. All else is the server's to judge.
base::Result<void> check_idempotency_key(const std::string& key) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (key.empty()) return base::fail("--idempotency-key must not be empty; leave it out to start without");
  if (std::any_of(key.begin(), key.end(), is_control))
    return base::fail("--idempotency-key must not hold a control character, such as the end of a line");
  if (key.front() == ' ' || key.back() == ' ')
    return base::fail("--idempotency-key must not begin or end with a blank");
  return {};
}

base::Result<std::string> checked_body(const StartArguments& arguments) {
  if (arguments.idempotency_key) {
    const auto checked = check_idempotency_key(*arguments.idempotency_key);
    if (!checked) return base::Failure{checked.error()};
  }
  if (arguments.server_waits() && arguments.wait && *arguments.wait > api::limits::wait_seconds_max)
    return base::fail("--wait is at most 300 with --cache-key or --on-timeout cancel: the server waits then");
  return request_body(arguments);
}

ExitCode run(const StartArguments& arguments) {
  const auto body = checked_body(arguments);
  if (!body) {
    complain(body.error().message);
    return ExitCode::usage;
  }
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  NameValues headers;
  if (arguments.idempotency_key) headers.emplace_back("Idempotency-Key", *arguments.idempotency_key);
  const double wait = arguments.server_waits() ? arguments.wait.value_or(0) : 0;
  NameValues query;
  if (wait > 0) query.emplace_back("wait", std::to_string(wait));
  const auto reply = session->post("/start-task", query, *body, headers, wait);
  if (!reply) return reply.error();
  const auto status = session->read(*reply);
  if (!status) return status.error();
  const std::string id = status->text("task_id");
  if (reply->status == 200 || wait > 0) {  // all that there is to say
    print_status(*session, *reply, *status);
    return exit_code_of(*status);
  }
  if (arguments.wait) {
    const auto outcome = wait_for_task(*session, id, arguments.wait);
    if (!outcome) return outcome.error();
    print_status(*session, outcome->reply, outcome->status);
    return outcome->exit_code;
  }
  if (session->json()) {
    Session::print(*reply);
    return ExitCode::ok;
  }
  std::cout << printable(id) << '\n';
  hint("It is " + status->text("status") + ". See how it goes:  longhaul watch " + id);
  return ExitCode::ok;
}

// An option whose text goes into one field of the request.
void add_field(Command command, const std::string& flag,
               std::vector<std::pair<std::string, std::string>>& into, const std::string& field,
               const std::string& type_name, const std::string& help) {
  command
      .option(
          flag, [&into, field](const std::string& text) { into.emplace_back(field, text); }, help)
      .type_name(type_name);
}

// What may come in the place of a task that is late.
void add_waiting_options(Command command, StartArguments& arguments, Option wait) {
  const Option key =
      command
          .option("--cache-key", arguments.cache_key,
                  "Print a result that was kept under this key: a fresh one, or an old one when the task is "
                  "late or fails")
          .type_name("KEY");
  command.option("--fresh", arguments.fresh, "With a result younger than this, nothing is started (0)")
      .type_name("SECONDS")
      .needs(key);
  command
      .option("--stale", arguments.stale,
              "A result at most this old stands in, and so long the new one is kept (as --fresh)")
      .type_name("SECONDS")
      .needs(key);
  command
      .option("--on-timeout", arguments.on_timeout,
              "continue, or cancel: what becomes of the task when --wait is over first (continue)")
      .type_name("WORD")
      .needs(wait);
}

}  // namespace

void add_start_command(Command program) {
  const Command command = program.subcommand("start", "Start a task and print its id");
  auto arguments = std::make_shared<StartArguments>();
  command.option("TYPE", arguments->type, "Task type, as echo, or one of the server's own")
      .required()
      .type_name("");
  command
      .option("--payload", arguments->payload, "Input of the task: JSON, @FILE, or - for stdin, up to 64 MiB")
      .type_name("JSON");
  add_field(command, "--queue", arguments->texts, "queue", "NAME", "Queue it waits in");
  add_field(command, "--priority", arguments->numbers, "priority", "N", "-100 to 100, higher first");
  add_field(command, "--delay", arguments->numbers, "delay_seconds", "SECONDS",
            "Not before so long from now");
  add_field(command, "--run-at", arguments->texts, "run_at", "TIME", "Not before, as 2030-01-31T12:00:00Z");
  add_field(command, "--timeout", arguments->numbers, "timeout_seconds", "SECONDS", "Limit of one attempt");
  command.option("--deadline", arguments->deadline, "Limit of the whole task, waiting included")
      .type_name("SECONDS|TIME");
  add_field(command, "--expires", arguments->numbers, "expires_seconds", "SECONDS",
            "Give up if it has not begun by then");
  add_field(command, "--max-attempts", arguments->numbers, "max_attempts", "N",
            "How often it is tried, 1 to 100");
  command.option("--tag", arguments->tags, "A label to find it by; may be repeated")
      .type_name("NAME=VALUE")
      .repeatable();
  command
      .option("--idempotency-key", arguments->idempotency_key,
              "Repeating a start with this key makes no second task")
      .type_name("KEY");
  add_field(command, "--unique-key", arguments->texts, "unique_key", "KEY",
            "While an unfinished task of the type has this key, no second one is made");
  const Option wait =
      command.option("--wait", arguments->wait, "Wait so long for its end and print how it went")
          .type_name("SECONDS")
          .check(seconds_up_to(api::limits::duration_seconds_max));
  add_waiting_options(command, *arguments, wait);
  add_client_options(command, arguments->client);
  command.when_chosen(arguments, run);
}

}  // namespace longhaul::server
