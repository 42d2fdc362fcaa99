#include "server/http/answer_log.h"

#include <algorithm>
#include <vector>

#include "base/log.h"

namespace longhaul::server {
namespace {

// A path as it is logged: what is longer has been found nowhere.
constexpr std::size_t logged_path_bytes = 256;

std::size_t class_of(int status) {
  return static_cast<std::size_t>(std::clamp(status / 100, 1, static_cast<int>(status_class_count)) - 1);
}

}  // namespace

HttpMethod method_of(std::string_view text) {
  const auto* const found = std::find(http_method_names.begin(), http_method_names.end(), text);
  if (found == http_method_names.end()) return HttpMethod::other;
  return static_cast<HttpMethod>(found - http_method_names.begin());
}

void AnswerLog::note(const Answered& answered) {
  auto& count = counts_[static_cast<std::size_t>(answered.method)][class_of(answered.status)];
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const bool is_failure = answered.status >= 500;
  if (base::log_is_on(is_failure ? base::LogLevel::info : base::LogLevel::debug)) write(answered);
}

void AnswerLog::write(const Answered& answered) {
  const base::BootTime now = clock_.boot();
  std::vector<base::LogField> fields{
      {"request_id", answered.request_id},
      {"method", http_method_names[static_cast<std::size_t>(answered.method)]},
      {"path", answered.path.substr(0, logged_path_bytes)},
      {"status", answered.status},
  };
  const std::string task_id = answered.task_id ? std::string(answered.task_id->text()) : std::string();
  if (answered.task_id) fields.push_back({"task_id", task_id});
  if (answered.began)
    fields.push_back(
        {"duration_ms", std::chrono::duration<double, std::milli>(now - *answered.began).count()});
  if (base::log_is_on(base::LogLevel::debug))
    return base::write_log(answered.status >= 500 ? base::LogLevel::info : base::LogLevel::debug, "request",
                           fields);
  const auto left_out = failures_.take(now);
  if (!left_out) return;
  if (*left_out > 0) fields.push_back({"not_logged_before", *left_out});
  base::write_log(base::LogLevel::info, "request", fields);
}

AnswerCounts AnswerLog::counts() const {
  AnswerCounts read{};
  for (std::size_t method = 0; method < read.size(); ++method) {
    for (std::size_t status = 0; status < read[method].size(); ++status)
      read[method][status] = counts_[method][status].load(std::memory_order_relaxed);
  }
  return read;
}

}  // namespace longhaul::server
