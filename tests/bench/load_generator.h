// Sends HTTP requests over many keep-alive connections from one thread and measures how long each answer
// takes: closed loop, each connection sends its next request when it has its answer. Thread-safety:
// run_load() keeps everything to itself; call it from any thread, and from several at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tests/bench/latency_histogram.h"

namespace longhaul::bench {

struct LoadOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  std::size_t connections = 64;
  std::chrono::nanoseconds duration = std::chrono::seconds(2);
  // Answers during this time are not counted.
  std::chrono::nanoseconds warm_up = std::chrono::milliseconds(200);
  // Stops earlier, after this many requests, warm-up included; 0: no limit.
  std::uint64_t max_requests = 0;

  std::vector<std::string> requests;  // sent as they are, in turn
  // If set, sees the body of each answer that was counted; valid during the call.
  std::function<void(std::string_view body)> on_answer;
  int expected_status = 200;
};

struct LoadReport {
  std::uint64_t answers = 0;
  std::uint64_t requests = 0;    // sent, those of the warm-up included
  std::uint64_t unexpected = 0;  // answers with another status
  double seconds = 0;
  LatencyHistogram latency;
  void add(const LoadReport& other) {
    answers += other.answers;
    requests += other.requests;
    unexpected += other.unexpected;
    seconds += other.seconds;
    latency.add(other.latency);
  }
  [[nodiscard]] double per_second() const { return seconds > 0 ? static_cast<double>(answers) / seconds : 0; }
};

// Fails when a connection cannot be made or ends or stays silent for 30 s in the middle of an answer.
[[nodiscard]] base::Result<LoadReport> run_load(const LoadOptions& options);

// The bytes of a request without and with a body.
[[nodiscard]] std::string get_request(const std::string& target);
[[nodiscard]] std::string post_request(const std::string& target, const std::string& json);
[[nodiscard]] std::string patch_request(const std::string& target, const std::string& json);

}  // namespace longhaul::bench
