#include "server/cli/session.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "server/cli/command.h"
#include "server/cli/terminal.h"
#include "server/config/api_key.h"

namespace longhaul::server {
namespace {

constexpr int patience_seconds = 30;

void complain_of_absence() {
  complain("the server does not answer; asking again for " + std::to_string(patience_seconds) + " s");
}

// Code, reason and every fault of a refusal, each on a line.
void complain_about(const Reply& reply, const std::string& url) {
  const auto problem = JsonObject::read(reply.body);
  if (!problem || problem->text("code").empty()) {
    complain(url + " answered " + std::to_string(reply.status) +
             " without saying why. Is it a longhaul server?");
    return;
  }
  std::string text = problem->text("detail").empty() ? problem->text("title") : problem->text("detail");
  text += " (" + std::to_string(reply.status) + " " + problem->text("code") + ")";
  for (const api::RawJson& element : problem->array("errors")) {
    const JsonObject fault(element);
    text += "\n" + fault.text("pointer") + ": " + fault.text("detail");
  }
  if (reply.status == 401) text += "\nSet " + std::string(api_key_variable) + " to the key of that server.";
  if (!reply.retry_after.empty()) text += "\nTry again in " + reply.retry_after + " s.";
  complain(text);
}

ExitCode exit_code_of(const Reply& reply) {
  const auto problem = JsonObject::read(reply.body);
  const std::string code = problem ? problem->text("code") : "";
  if (code == "TASK_TIMED_OUT") return ExitCode::still_running;
  if (reply.status >= 500) return ExitCode::unreachable;
  for (const std::string_view unknown : {"TASK_NOT_FOUND", "WEBHOOK_NOT_FOUND", "DELIVERY_NOT_FOUND"}) {
    if (code == unknown) return ExitCode::unknown_id;
  }
  return ExitCode::refused;
}

}  // namespace

Option add_parameter(Command command, const std::string& flag, NameValues& into, const std::string& parameter,
                     const std::string& type_name, const std::string& help) {
  return command
      .option(
          flag, [&into, parameter](const std::string& text) { into.emplace_back(parameter, text); }, help)
      .type_name(type_name);
}

void add_client_options(Command command, ClientOptions& options) {
  command.option("--server", options.server, "URL of the server")
      .from_environment("LONGHAUL_SERVER")
      .type_name("URL")
      .default_shown();
  command.flag("--json", options.json, "Print the server's own JSON, untouched");
}

Accepted<Session> Session::open(const ClientOptions& options) {
  ApiClient::Options client_options{options.server, std::nullopt};
  const char* const key = std::getenv(std::string(api_key_variable).c_str());
  if (key != nullptr && *key != '\0') {
    if (!is_api_key(key)) {
      complain(std::string(api_key_variable) + " " + api_key_rule());
      return base::Failure{ExitCode::usage};
    }
    client_options.api_key = key;
  }
  auto client = ApiClient::make(std::move(client_options));
  if (!client) {
    complain(client.error().message);
    return base::Failure{ExitCode::usage};
  }
  return Session(std::move(client).value(), options.json);
}

Accepted<Reply> Session::accepted(Answer answer) const {
  if (!answer) {
    complain(answer.error().message);
    return base::Failure{ExitCode::unreachable};
  }
  if (answer->ok()) return std::move(answer).value();
  if (json_) print(*answer);
  complain_about(*answer, client_->url());
  return base::Failure{exit_code_of(*answer)};
}

Accepted<Reply> Session::get(const std::string& path, const NameValues& query, double wait_seconds) {
  return accepted(client_->get(path, query, wait_seconds));
}

Accepted<Reply> Session::post(const std::string& path, const NameValues& query, const std::string& body,
                              const NameValues& headers, double wait_seconds) {
  return accepted(client_->post(path, query, body, headers, wait_seconds));
}

Accepted<Reply> Session::patch(const std::string& path, const std::string& body) {
  return accepted(client_->patch(path, body));
}

Accepted<Reply> Session::remove(const std::string& path, const NameValues& query, double wait_seconds) {
  return accepted(client_->remove(path, query, wait_seconds));
}

Accepted<Reply> Session::get_patiently(const std::string& path, const NameValues& query,
                                       double wait_seconds) {
  for (int second = 0;; ++second) {
    Answer answer = client_->get(path, query, wait_seconds);
    const bool away = !answer || answer->status == 503;
    if (!away || second == patience_seconds) return accepted(std::move(answer));
    if (second == 0) complain_of_absence();
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

Accepted<bool> Session::follow(const std::string& path, const NameValues& query,
                               const EventReader::Take& take) {
  EventReader reader;
  bool was_there = false;
  for (int away_for = 0;;) {
    bool enough = false;
    const auto take_event = [&](const ServerEvent& event) {
      enough = !take(event);
      return !enough;
    };
    Answer answer = client_->stream(path, query, reader.last_id(),
                                    [&](std::string_view bytes) { return reader.feed(bytes, take_event); });
    if (enough) return true;
    if (answer && answer->status == 204) return false;
    reader.begin_anew();
    if (answer && answer->ok()) {
      was_there = true;
      away_for = 0;
    } else {
      const bool is_away = !answer || answer->status == 503;
      if (!is_away || !was_there || away_for == patience_seconds)
        return base::Failure{accepted(std::move(answer)).error()};
      if (away_for++ == 0) complain_of_absence();
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

void Session::print(const Reply& reply) {
  std::cout << reply.body;
  if (!reply.body.ends_with('\n')) std::cout << '\n';
}

Accepted<JsonObject> Session::read(const Reply& reply) const {
  auto object = JsonObject::read(reply.body);
  if (object) return std::move(*object);
  complain(client_->url() + " answered with something else than JSON. Is it a longhaul server?");
  return base::Failure{ExitCode::unreachable};
}

ExitCode Session::print_page(const Reply& reply, std::string_view member,
                             std::string (*table)(const std::vector<JsonObject>&)) const {
  if (json_) {
    print(reply);
    return ExitCode::ok;
  }
  const auto page = read(reply);
  if (!page) return page.error();
  std::vector<JsonObject> rows;
  for (const api::RawJson& row : page->array(member)) rows.emplace_back(row);
  std::cout << table(rows) << std::flush;
  const std::string next = page->text("next_page_token");
  if (!next.empty()) std::cerr << "There are more: repeat this with --page-token " << printable(next) << '\n';
  return ExitCode::ok;
}

}  // namespace longhaul::server
