#include "tests/bench/contest.h"

#include <string>
#include <utility>

namespace longhaul::bench {

base::Result<void> take_turn(const Plan& plan, const Subject& subject, LoadOptions options, Turns& turns) {
  options.port = subject.port;
  options.duration = plan.slice();
  options.warm_up = plan.warm_up();
  const auto before = subject.figures();
  const auto report = run_load(options);
  const auto after = subject.figures();
  if (!report) return base::fail(report.error().message);
  if (!before || !after) return base::fail("the measured process has gone");
  if (report.value().unexpected > 0) {
    return base::fail(std::to_string(report.value().unexpected) + " answers were not a " +
                      std::to_string(options.expected_status));
  }
  turns.load.add(report.value());
  turns.cpu_seconds += after.value().cpu_seconds - before.value().cpu_seconds;
  return {};
}

base::Result<void> run_tasks(const Server& server, const std::string& body, std::uint64_t count) {
  LoadOptions options;
  options.port = server.subject().port;
  options.connections = 64;
  options.requests = {post_request("/start-task", body)};
  options.expected_status = 202;
  options.max_requests = count;
  options.warm_up = std::chrono::seconds(0);
  options.duration = std::chrono::minutes(10);
  std::string last_id;
  options.on_answer = [&last_id](std::string_view answer) { last_id = task_id_of(answer); };
  const auto started = run_load(options);
  if (!started) return base::fail(started.error().message);
  if (started.value().unexpected > 0) return base::fail("starts were refused");
  return server.wait_until_done(last_id);
}

}  // namespace longhaul::bench
