// How much is measured, and of what.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace longhaul::bench {

// What is measured and what it is measured against take turns, a slice each, so that a noisy machine is noisy
// for both.
struct Plan {
  std::string server_program;
  std::string own_program;
  bool quick = false;

  [[nodiscard]] int rounds() const { return quick ? 2 : 3; }
  [[nodiscard]] std::chrono::milliseconds slice() const {
    return std::chrono::milliseconds(quick ? 350 : 1500);
  }
  [[nodiscard]] std::chrono::milliseconds warm_up() const {
    return std::chrono::milliseconds(quick ? 50 : 200);
  }
  [[nodiscard]] std::uint64_t many_tasks() const { return quick ? 6'000 : 20'000; }
  [[nodiscard]] std::uint64_t echo_tasks() const { return quick ? 1'500 : 8'000; }  // a round
  [[nodiscard]] std::uint64_t commands() const { return quick ? 150 : 800; }        // a round
  [[nodiscard]] std::uint64_t webhooks() const { return quick ? 3'000 : 20'000; }   // a round
  [[nodiscard]] int webhook_rounds() const { return quick ? 3 : 9; }
  [[nodiscard]] std::uint64_t dead_webhooks() const { return 10'000; }
  [[nodiscard]] std::uint64_t removed_tasks() const { return quick ? 50'000 : 1'000'000; }
  [[nodiscard]] std::chrono::seconds idle_time() const { return std::chrono::seconds(quick ? 4 : 10); }
  [[nodiscard]] std::size_t idle_connections() const { return 10'000; }
  [[nodiscard]] std::size_t watchers() const { return 10'000; }
  [[nodiscard]] std::size_t slow_clients() const { return 2'000; }
};

}  // namespace longhaul::bench
