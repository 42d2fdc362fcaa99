// What becomes of requests, for those who watch: counts the answers, and writes the log line of each. At debug
// every answer has a line; at info those do that are the server's own fault (5xx), some a second at most.
//
// Thread-safety: note() on the loop's thread; counts() from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "api/task_id.h"
#include "base/clock.h"
#include "base/log_throttle.h"
#include "server/http/http_server.h"

namespace longhaul::server {

// The texts live for the length of a call.
struct Answered {
  HttpMethod method = HttpMethod::other;
  std::string_view path;  // without its query
  std::string_view request_id;
  int status = 0;
  std::optional<api::TaskId> task_id;   // whom the answer speaks of
  std::optional<base::BootTime> began;  // when the request was whole; nothing: it never was
};

class AnswerLog {
 public:
  // The clock must outlive it.
  explicit AnswerLog(const base::Clock& clock) : clock_(clock) {}

  void note(const Answered& answered);
  [[nodiscard]] AnswerCounts counts() const;

 private:
  void write(const Answered& answered);

  const base::Clock& clock_;
  std::array<std::array<std::atomic<std::int64_t>, status_class_count>, http_method_count> counts_{};
  base::LogThrottle failures_{10};
};

[[nodiscard]] HttpMethod method_of(std::string_view text);

}  // namespace longhaul::server
