// Polls and synced starts.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "tests/bench/client_socket.h"
#include "tests/bench/contest.h"
#include "tests/bench/measurements.h"

namespace longhaul::bench {
namespace {

constexpr std::array<std::size_t, 3> connection_counts = {1, 64, 256};
constexpr std::size_t polled_tasks = 64;

// The answer to this request with all its headers, for the bare loop to repeat.
base::Result<std::string> whole_answer(const Server& server, const std::string& request) {
  auto connection = connect_to(server.subject().port);
  if (!connection) return base::fail(connection.error().message);
  return exchange(connection->get(), request);
}

std::string at_connections(const char* what, std::size_t count) {
  return std::string(what) + ", " + std::to_string(count) + (count == 1 ? " connection" : " connections");
}

LoadOptions load_of(std::size_t connections, std::vector<std::string> requests, int status) {
  LoadOptions options;
  options.connections = connections;
  options.requests = std::move(requests);
  options.expected_status = status;
  return options;
}

Figure cpu_figure(std::string name, const Turns& ours, const Turns& bare) {
  return {std::move(name),
          ours.cpu_us_per_request(),
          "us",
          {},
          {},
          {{"bare loop", bare.cpu_us_per_request(), ""}}};
}

struct PollContest {
  std::string name;
  std::string cpu_name;
  LoadOptions load;
  std::string expected;
};

base::Result<void> measure_poll(const Plan& plan, const Server& server, const BareServer& bare,
                                const PollContest& contest, Report& report) {
  Turns ours;
  Turns least;
  for (int round = 0; round < plan.rounds(); ++round) {
    auto done = take_turn(plan, server.subject(), contest.load, ours);
    if (done) done = take_turn(plan, bare.subject(), contest.load, least);
    if (!done) return done;
  }
  report.figures.push_back(ours.figure(contest.name));
  report.figures.back().limits = {{"bare loop", least.per_second(), contest.expected}};
  report.figures.push_back(cpu_figure(contest.cpu_name, ours, least));
  return {};
}

// Starts that many tasks that are due in an hour, and returns a poll for each.
base::Result<std::vector<std::string>> polls_of_waiting_tasks(const Server& server, std::uint64_t count) {
  std::vector<std::string> requests;
  LoadOptions starts =
      load_of(256, {post_request("/start-task", R"({"type": "echo", "delay_seconds": 3600})")}, 202);
  starts.port = server.subject().port;
  starts.max_requests = count;
  starts.warm_up = std::chrono::seconds(0);
  starts.duration = std::chrono::minutes(2);
  starts.on_answer = [&](std::string_view body) {
    requests.push_back(get_request("/task-status/" + task_id_of(body)));
  };
  const auto started = run_load(starts);
  if (!started) return base::fail(started.error().message);
  if (started.value().unexpected > 0) return base::fail("starts were refused");
  return requests;
}

// How many times a second 4 KiB can be written to a file and synced: a page of the database's log. Where the
// file grows, its length has to be made durable too; the log of a database grows at first and is then written
// over, again and again.
class Syncs {
 public:
  enum class Kind : std::uint8_t { append, overwrite };

  Syncs(const std::string& folder, Kind kind)
      : kind_(kind),
        file_(::open((folder + "/syncs").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {}

  base::Result<void> run(std::chrono::nanoseconds duration) {
    static constexpr std::array<char, 4096> page{};
    const auto begin = std::chrono::steady_clock::now();
    auto now = begin;
    for (; now - begin < duration; now = std::chrono::steady_clock::now()) {
      const off_t at = kind_ == Kind::append ? static_cast<off_t>(page.size()) * count_ : 0;
      if (::pwrite(file_.get(), page.data(), page.size(), at) < 0 || ::fdatasync(file_.get()) != 0) {
        return base::fail("cannot sync a file");
      }
      ++count_;
    }
    seconds_ += std::chrono::duration<double>(now - begin).count();
    return {};
  }
  [[nodiscard]] double per_second() const {
    return seconds_ > 0 ? static_cast<double>(count_) / seconds_ : 0;
  }

 private:
  const Kind kind_;
  base::UniqueFd file_;
  std::int64_t count_ = 0;
  double seconds_ = 0;
};

base::Result<void> measure_start(const Plan& plan, const Server& server, const BareServer& bare,
                                 const LoadOptions& load, Report& report) {
  Turns ours;
  Turns least;
  Syncs appends(server.folder(), Syncs::Kind::append);
  Syncs overwrites(server.folder(), Syncs::Kind::overwrite);
  for (int round = 0; round < plan.rounds(); ++round) {
    auto done = take_turn(plan, server.subject(), load, ours);
    if (done) done = appends.run(plan.slice() / 2);
    if (done) done = overwrites.run(plan.slice() / 2);
    if (done) done = take_turn(plan, bare.subject(), load, least);
    if (!done) return done;
  }
  report.figures.push_back(ours.figure(at_connections("synced starts", load.connections)));
  report.figures.back().limits = {
      {"bare loop", least.per_second(), load.connections == 256 ? "about 0.3" : ""},
      {"fdatasync after an append", appends.per_second(), ""},
      {"fdatasync after an overwrite", overwrites.per_second(), ""}};
  report.figures.push_back(cpu_figure(at_connections("CPU time of a start", load.connections), ours, least));
  return {};
}

// What starts would be with a disk that syncs in no time: tells a slow disk from a slow server. Left out where
// there is no memory file system with room for the tasks.
base::Result<void> measure_starts_in_memory(const Plan& plan, const BareServer& bare, const LoadOptions& load,
                                            Report& report) {
  constexpr const char* memory_folder = "/dev/shm";
  constexpr std::uintmax_t needed_bytes = 1024u * 1024 * 1024;
  std::error_code error;
  const auto space = std::filesystem::space(memory_folder, error);
  if (error || space.available < needed_bytes) return {};
  const auto server = Server::start(plan.server_program, memory_folder);
  if (!server) return base::fail(server.error().message);
  Turns ours;
  Turns least;
  for (int round = 0; round < plan.rounds(); ++round) {
    auto done = take_turn(plan, server.value()->subject(), load, ours);
    if (done) done = take_turn(plan, bare.subject(), load, least);
    if (!done) return done;
  }
  report.figures.push_back(ours.figure(at_connections("starts, database in memory", load.connections)));
  report.figures.back().limits = {{"bare loop", least.per_second(), ""}};
  return {};
}

}  // namespace

base::Result<void> measure_polls(const Plan& plan, Server& server, Report& report) {
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < polled_tasks; ++i) {
    auto id = server.run_task(R"({"type": "echo", "payload": {"report": "monthly", "customer": 17}})");
    if (!id) return base::fail(id.error().message);
    requests.push_back(get_request("/task-status/" + *id));
  }
  const auto answer = whole_answer(server, requests.front());
  if (!answer) return base::fail(answer.error().message);
  const auto bare = BareServer::start(plan.own_program, answer.value());
  if (!bare) return base::fail(bare.error().message);
  for (const std::size_t connections : connection_counts) {
    const PollContest contest{at_connections("polls", connections),
                              at_connections("CPU time of a poll", connections),
                              load_of(connections, requests, 200), "about 0.7"};
    if (auto done = measure_poll(plan, server, bare.value(), contest, report); !done) return done;
  }
  auto many = polls_of_waiting_tasks(server, plan.many_tasks());
  if (!many) return base::fail(many.error().message);
  const std::string count = std::to_string(plan.many_tasks());
  return measure_poll(plan, server, bare.value(),
                      {"polls of " + count + " waiting tasks in turn, 64 connections",
                       "CPU time of such a poll", load_of(64, std::move(many).value(), 200), ""},
                      report);
}

base::Result<void> measure_starts(const Plan& plan, Server& server, Report& report) {
  const std::string request = post_request(
      "/start-task",
      R"({"type": "echo", "payload": {"report": "monthly", "customer": 17}, "delay_seconds": 3600})");
  const auto answer = whole_answer(server, request);
  if (!answer) return base::fail(answer.error().message);
  const auto bare = BareServer::start(plan.own_program, answer.value());
  if (!bare) return base::fail(bare.error().message);
  for (const std::size_t connections : connection_counts) {
    auto done = measure_start(plan, server, bare.value(), load_of(connections, {request}, 202), report);
    if (!done) return done;
  }
  return measure_starts_in_memory(plan, bare.value(), load_of(256, {request}, 202), report);
}

}  // namespace longhaul::bench
