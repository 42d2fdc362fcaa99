#include "server/cli/webhook_text.h"

#include <optional>

#include "server/cli/terminal.h"
#include "server/cli/text_table.h"

namespace longhaul::server {
namespace {

constexpr std::size_t shown_answer_characters = 200;

std::string names_text(const JsonObject& webhook, std::string_view member) {
  if (!webhook.find(member)) return "all";
  std::string text;
  for (const api::RawJson& name : webhook.array(member)) text = joined(text, plain_text(name), ", ");
  return text == "*" ? "all" : text;
}

std::string state_text(const JsonObject& webhook) {
  if (webhook.text("disabled") == "true") return "disabled";
  if (webhook.text("circuit") == "open") return "circuit open";
  return webhook.find("failing_since") ? "failing" : "enabled";
}

std::optional<JsonObject> last_attempt(const JsonObject& delivery) {
  if (auto last = delivery.object("last_attempt")) return last;
  const auto attempts = delivery.array("attempts");
  return attempts.empty() ? std::nullopt : std::optional<JsonObject>(attempts.back());
}

// "BAD_STATUS, HTTP 500"; empty: nothing was tried yet.
std::string outcome_text(const std::optional<JsonObject>& attempt) {
  if (!attempt) return "";
  const std::string status = attempt->text("response_status");
  return joined(attempt->text("error"), status.empty() ? "" : "HTTP " + status, ", ");
}

std::string timed_outcome_text(const std::optional<JsonObject>& attempt) {
  if (!attempt) return "";
  return outcome_text(attempt) + " after " + attempt->text("duration_seconds") + " s";
}

// The first line of what the receiver answered to what it did not take.
std::string answer_text(const std::optional<JsonObject>& attempt) {
  if (!attempt || !attempt->find("error")) return "";
  const std::string body = attempt->text("response_body");
  return first_characters(body.substr(0, body.find_first_of("\r\n")), shown_answer_characters);
}

std::string attempts_text(const JsonObject& delivery) {
  const auto attempts = delivery.find("attempts");
  if (!attempts) return "0";
  const bool is_list = attempts->text.starts_with('[');
  return is_list ? std::to_string(delivery.array("attempts").size()) : attempts->text;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

}  // namespace

std::string webhook_text(const JsonObject& webhook) {
  const std::string failing = webhook.text("failing_since");
  const std::string old_secret = webhook.text("old_secret_expires_at");
  return text_block({
      {"webhook", webhook.text("webhook_id")},
      {"url", webhook.text("url")},
      {"events", names_text(webhook, "events")},
      {"types", names_text(webhook, "types")},
      {"queues", names_text(webhook, "queues")},
      {"description", webhook.text("description")},
      {"created", webhook.text("created_at")},
      {"status", state_text(webhook)},
      {"disabled", joined(webhook.text("disabled_at"), webhook.text("disabled_reason"), ": ")},
      {"failing", failing.empty() ? "" : "since " + failing},
      {"next try", webhook.text("next_attempt_at")},
      {"old secret", old_secret.empty() ? "" : "signs too until " + old_secret},
      {"secret", webhook.text("secret")},
  });
}

std::string webhook_table(const std::vector<JsonObject>& webhooks) {
  std::vector<std::vector<std::string>> rows = {{"WEBHOOK", "STATUS", "TYPES", "QUEUES", "URL"}};
  for (const JsonObject& webhook : webhooks) {
    rows.push_back({webhook.text("webhook_id"), state_text(webhook), names_text(webhook, "types"),
                    names_text(webhook, "queues"), webhook.text("url")});
  }
  return text_table(rows);
}

std::string delivery_text(const JsonObject& delivery) {
  const auto attempt = last_attempt(delivery);
  return text_block({
      {"delivery", delivery.text("delivery_id")},
      {"webhook", delivery.text("webhook_id")},
      {"task", delivery.text("task_id")},
      {"event", delivery.text("event")},
      {"url", delivery.text("url")},
      {"status", joined(delivery.text("status"), delivery.text("exhausted_cause"), ": ")},
      {"attempts", attempts_text(delivery)},
      {"last one", timed_outcome_text(attempt)},
      {"answer", answer_text(attempt)},
      {"created", delivery.text("created_at")},
      {"next try", delivery.text("next_attempt_at")},
      {"finished", delivery.text("finished_at")},
  });
}

std::string delivery_table(const std::vector<JsonObject>& deliveries) {
  std::vector<std::vector<std::string>> rows = {
      {"DELIVERY", "STATUS", "EVENT", "TASK", "ATTEMPTS", "LAST ONE", "CREATED"}};
  for (const JsonObject& delivery : deliveries) {
    rows.push_back({delivery.text("delivery_id"), delivery.text("status"), delivery.text("event"),
                    or_dash(delivery.text("task_id")), attempts_text(delivery),
                    or_dash(outcome_text(last_attempt(delivery))), delivery.text("created_at")});
  }
  return text_table(rows);
}

}  // namespace longhaul::server
