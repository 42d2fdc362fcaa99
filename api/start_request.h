// The body of POST /start-task, read and checked. Every fault is listed, each with its pointer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/cache_terms.h"
#include "api/delivery.h"
#include "api/fault_list.h"
#include "api/problem.h"
#include "api/task.h"
#include "api/web_url.h"

namespace longhaul::api {

// What becomes of a task when the wait for it ends first.
enum class OnTimeout : std::uint8_t { go_on, cancel };

struct StartRequest {
  std::string type;
  RawJson payload{"null"};
  std::string queue = "default";
  int priority = 0;
  std::optional<Milliseconds> delay;  // at most one of delay and run_at
  std::optional<WallTime> run_at;
  std::optional<Milliseconds> timeout;
  std::optional<Milliseconds> deadline;  // at most one of deadline and deadline_at
  std::optional<WallTime> deadline_at;
  std::optional<Milliseconds> expires;
  std::optional<int> max_attempts;
  std::vector<std::pair<std::string, std::string>> tags;  // sorted by name
  std::optional<Callback> callback;
  std::optional<std::string> unique_key;
  std::optional<CacheTerms> cache;
  OnTimeout on_timeout = OnTimeout::go_on;
};

// 400 for what is not JSON, 422 with every fault for what is wrong, behind those that are known already (of
// headers). Does not know which types exist; without a judge a callback may lead anywhere.
[[nodiscard]] Checked<StartRequest> parse_start_request(std::string_view body, FaultList faults = {},
                                                        const UrlJudge& judge_url = nullptr);

// The body of POST /tasks/{id}/retry: empty, or {"deadline_at"} / {"deadline_seconds"}.
struct RetryRequest {
  std::optional<Milliseconds> deadline;
  std::optional<WallTime> deadline_at;
};
[[nodiscard]] Checked<RetryRequest> parse_retry_request(std::string_view body);

}  // namespace longhaul::api
