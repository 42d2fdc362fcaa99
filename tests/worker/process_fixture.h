// What the tests of the command side share: a sink that remembers and can be waited on, an executor with its
// spawner, child processes that end with their test, and looks at processes from outside.
#pragma once

#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "tests/worker/patience.h"
#include "worker/process/command_executor.h"
#include "worker/process/proc_stat.h"

namespace longhaul::worker::process_tests {

using tests::patience;
using tests::sanitized;
inline const std::string programs = LONGHAUL_SOURCE_DIR "/tests/worker/programs/";
inline const std::string command_host = LONGHAUL_TEST_PROGRAMS "/longhaul_test_command_host";
inline constexpr const char* python = "/usr/bin/python3";

using Clock = std::chrono::steady_clock;

// ---- looking at processes

inline bool exists(pid_t pid) { return kill(pid, 0) == 0 || errno != ESRCH; }

// True when it has died (a zombie has) within the limit.
inline bool dies_within(pid_t pid, std::chrono::milliseconds limit) {
  const base::UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) return errno == ESRCH;
  pollfd watched{pidfd.get(), POLLIN, 0};
  return poll(&watched, 1, static_cast<int>(limit.count())) == 1;
}

inline std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  process::append_children(pid, children);
  return children;
}

inline pid_t parent_of(pid_t pid) {
  const auto stat = process::read_proc_stat(pid);
  return stat ? stat->parent : -1;
}

inline std::size_t open_descriptors(pid_t pid) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(("/proc/" + std::to_string(pid) + "/fd").c_str()),
                                                   closedir);
  std::size_t count = 0;
  while (folder && readdir(folder.get()) != nullptr) ++count;
  return count;
}

// A line of /proc/PID/status in KiB, as VmRSS or VmHWM.
inline long memory_kib(pid_t pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
  return 0;
}

// ---- a sink that remembers

class RecordingSink final : public AttemptSink {
 public:
  struct Seen {
    std::optional<storage::ProcessIdentity> process;
    std::vector<api::LogLine> lines;
    std::vector<api::Progress> progress;
    std::vector<AttemptReport> reports;
  };

  void on_process(api::TaskKey, api::AttemptToken token, storage::ProcessIdentity process) override {
    change(token, [&](Seen& seen) { seen.process = std::move(process); });
  }
  void on_log(api::TaskKey, api::AttemptToken token, std::vector<api::LogLine> lines) override {
    change(token, [&](Seen& seen) {
      for (api::LogLine& line : lines) seen.lines.push_back(std::move(line));
    });
  }
  void on_progress(api::TaskKey, api::AttemptToken token, api::Progress progress) override {
    change(token, [&](Seen& seen) { seen.progress.push_back(std::move(progress)); });
  }
  void on_finished(AttemptReport report) override {
    const api::AttemptToken token = report.token;
    change(token, [&](Seen& seen) { seen.reports.push_back(std::move(report)); });
  }

  // Waits until `condition` holds of what was seen of the attempt; fails the test when it does not come to
  // that.
  template <class Condition>
  Seen wait(api::AttemptToken token, const std::string& what, const Condition& condition) {
    tests::Patience limit(what);
    base::MutexLock lock(mutex_);
    while (!condition(seen_[token])) limit.wait(changed_, mutex_);
    return seen_[token];
  }
  Seen wait_end(api::AttemptToken token) {
    return wait(token, "the end of an attempt", [](const Seen& seen) { return !seen.reports.empty(); });
  }
  Seen now(api::AttemptToken token) {
    base::MutexLock lock(mutex_);
    return seen_[token];
  }
  void forget() {
    base::MutexLock lock(mutex_);
    seen_.clear();
  }

 private:
  template <class Change>
  void change(api::AttemptToken token, const Change& change) {
    {
      base::MutexLock lock(mutex_);
      change(seen_[token]);
    }
    changed_.notify_all();
  }

  base::Mutex mutex_;
  base::CondVar changed_;
  std::map<api::AttemptToken, Seen> seen_ GUARDED_BY(mutex_);
};

inline std::string text_of(const std::vector<api::LogLine>& lines) {
  std::string text;
  for (const api::LogLine& line : lines) text += line.text + "\n";
  return text;
}

// The number behind `label` in the log, as programs here tell their process ids: "escaped 123".
inline pid_t number_behind(const std::vector<api::LogLine>& lines, const std::string& label) {
  for (const api::LogLine& line : lines)
    if (line.text.starts_with(label + " ")) return std::stoi(line.text.substr(label.size() + 1));
  return -1;
}

inline TaskType command_type(std::vector<std::string> command) {
  TaskType type;
  type.name = "test";
  type.command = std::move(command);
  type.grace = base::Milliseconds(300);
  return type;
}
inline TaskType shell_type(std::string script) { return command_type({"sh", "-c", std::move(script)}); }

// ---- an executor

class CommandFixture {
 public:
  explicit CommandFixture(const std::string& spawner = command_host,
                          std::optional<std::chrono::milliseconds> spawner_silence = std::nullopt) {
    CommandExecutorOptions options;
    options.spawner_program = spawner;
    // A machine under load must not look like a spawner that hangs.
    options.spawner_silence = spawner_silence.value_or(patience);
    options.sink = &sink;
    options.clock = &clock_;
    executor = make_command_executor(std::move(options));
    const auto started = executor->start();
    REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : started.error().message));
  }
  ~CommandFixture() {
    executor->stop();
    CHECK(children_of(getpid()).empty());
  }

  api::AttemptToken begin(TaskType type, std::string payload = "null") {
    const api::AttemptToken token(++last_token_);
    AttemptOrder order;
    order.key = api::TaskKey(token.get());
    order.id = api::TaskId::make(std::chrono::milliseconds(1'700'000'000'000), 1,
                                 static_cast<std::uint64_t>(token.get()));
    order.token = token;
    order.type = std::make_shared<const TaskType>(std::move(type));
    order.payload = {std::move(payload)};
    executor->begin(std::move(order));
    return token;
  }
  RecordingSink::Seen run(TaskType type, std::string payload = "null") {
    return sink.wait_end(begin(std::move(type), std::move(payload)));
  }
  // Waits until the attempt's log has a line that starts with the label, and returns the number behind it.
  pid_t wait_number(api::AttemptToken token, const std::string& label) {
    const auto seen =
        sink.wait(token, label, [&](const auto& s) { return number_behind(s.lines, label) > 0; });
    return number_behind(seen.lines, label);
  }
  pid_t wait_leader(api::AttemptToken token) {
    return sink.wait(token, "the start", [](const auto& s) { return s.process.has_value(); }).process->pid;
  }
  [[nodiscard]] pid_t spawner() const {
    const auto children = children_of(getpid());
    REQUIRE(children.size() == 1);
    return children.front();
  }

  RecordingSink sink;
  std::unique_ptr<Executor> executor;

 private:
  base::SystemClock clock_;
  std::int64_t last_token_ = 0;
};

// ---- a child process that ends with its test

class Child {
 public:
  // Its stdin and stdout are pipes of ours.
  Child(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
    int to[2];
    int from[2];
    REQUIRE(pipe2(to, O_CLOEXEC) == 0);
    REQUIRE(pipe2(from, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    auto arguments = pointers_to(command);
    auto variables = pointers_to(environment);
    const int error =
        posix_spawnp(&pid_, command.front().c_str(), &actions, nullptr, arguments.data(), variables.data());
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    input_.reset(to[1]);
    output_.reset(from[0]);
    REQUIRE(error == 0);
    wait_for_environment();
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool is_alive() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
  }
  // Kills it, if need be, and returns how it ended, as waitpid tells it.
  int end() {
    if (pid_ < 0) return status_;
    kill(pid_, SIGKILL);
    waitpid(pid_, &status_, 0);
    pid_ = -1;
    return status_;
  }
  // The next line that starts with `start`, without it. Fails the test when none comes.
  std::string wait_line(const std::string& start) {
    const auto limit = Clock::now() + patience;
    for (;;) {
      for (std::size_t end = 0; (end = text_.find('\n')) != std::string::npos;) {
        const std::string line = text_.substr(0, end);
        text_.erase(0, end + 1);
        if (line.starts_with(start)) return line.substr(start.size());
      }
      pollfd watched{output_.get(), POLLIN, 0};
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - Clock::now()).count();
      INFO("waiting for a line that starts with '", start, "'");
      REQUIRE(poll(&watched, 1, static_cast<int>(left)) == 1);
      char part[4096];
      const ssize_t size = read(output_.get(), part, sizeof part);
      REQUIRE(size > 0);
      text_.append(part, static_cast<std::size_t>(size));
    }
  }
  void close_input() { input_.reset(); }

 private:
  // The kernel lets the parent of a new program go on a moment before it shows the program's environment.
  void wait_for_environment() const {
    const auto limit = Clock::now() + patience;
    const std::string path = "/proc/" + std::to_string(pid_) + "/environ";
    while (std::ifstream(path).peek() == std::ifstream::traits_type::eof()) {
      REQUIRE(Clock::now() < limit);
      std::this_thread::yield();
    }
  }

  static std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
  }

  pid_t pid_ = -1;
  int status_ = 0;
  base::UniqueFd input_;
  base::UniqueFd output_;
  std::string text_;
};

inline std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  return variables;
}

}  // namespace longhaul::worker::process_tests
