// The main function of every C++ test executable. Besides running the tests it looks, after each test case,
// whether that case left something behind: an open file descriptor, a running thread, a child process. What
// one test leaves makes another one fail on some other day, so it fails here, with its name, though every
// assertion held.
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool runtime_has_own_threads = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool runtime_has_own_threads = true;
#else
constexpr bool runtime_has_own_threads = false;
#endif
#else
constexpr bool runtime_has_own_threads = false;
#endif

// A thread that was joined, or a child that was reaped, may stay visible in /proc for a moment longer.
constexpr std::chrono::milliseconds settle_limit{2000};

// The entries of a folder in /proc, each with what it points to (empty where it is no link).
std::map<std::string, std::string> proc_entries(const std::string& folder) {
  std::map<std::string, std::string> entries;
  const std::unique_ptr<DIR, int (*)(DIR*)> open_folder(opendir(folder.c_str()), closedir);
  if (!open_folder) return entries;
  const std::string own_descriptor = std::to_string(dirfd(open_folder.get()));
  while (const dirent* entry = readdir(open_folder.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || (folder == "/proc/self/fd" && name == own_descriptor)) continue;
    char target[512];
    const ssize_t length = readlink((folder + "/" + name).c_str(), target, sizeof target);
    entries[name] = length > 0 ? std::string(target, static_cast<std::size_t>(length)) : std::string();
  }
  return entries;
}

bool has_children() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

struct Snapshot {
  std::map<std::string, std::string> descriptors = proc_entries("/proc/self/fd");
  std::size_t threads = proc_entries("/proc/self/task").size();
  bool children = has_children();
};

// What is there now and was not before, in words; empty if nothing is.
std::string left_behind(const Snapshot& before) {
  const Snapshot now;
  std::string text;
  for (const auto& [number, target] : now.descriptors) {
    if (!before.descriptors.contains(number)) text += " descriptor " + number + " (" + target + ")";
  }
  if (!runtime_has_own_threads && now.threads > before.threads) {
    text += " " + std::to_string(now.threads - before.threads) + " thread(s)";
  }
  if (now.children && !before.children) text += " a child process";
  return text;
}

std::size_t dirty_cases = 0;

struct LeftoverListener : doctest::IReporter {
  explicit LeftoverListener(const doctest::ContextOptions& /*options*/) {}

  void test_case_start(const doctest::TestCaseData& test) override {
    name_ = test.m_name;
    before_ = Snapshot{};
  }

  void test_case_end(const doctest::CurrentTestCaseStats& /*stats*/) override {
    const auto give_up = std::chrono::steady_clock::now() + settle_limit;
    std::string left = left_behind(before_);
    while (!left.empty() && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::yield();
      left = left_behind(before_);
    }
    if (left.empty()) return;
    ++dirty_cases;
    std::cout << "[leftovers] test case \"" << name_ << "\" left behind:" << left << std::endl;
  }

  void report_query(const doctest::QueryData& /*data*/) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats& /*stats*/) override {}
  void test_case_reenter(const doctest::TestCaseData& /*test*/) override {}
  void test_case_exception(const doctest::TestCaseException& /*exception*/) override {}
  void subcase_start(const doctest::SubcaseSignature& /*signature*/) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData& /*data*/) override {}
  void log_message(const doctest::MessageData& /*data*/) override {}
  void test_case_skipped(const doctest::TestCaseData& /*test*/) override {}

 private:
  std::string name_;
  Snapshot before_;
};

REGISTER_LISTENER("leftovers", 1, LeftoverListener);

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int status = context.run();
  if (context.shouldExit() || dirty_cases == 0) return status;
  std::cout << "[leftovers] " << dirty_cases << " test case(s) left something behind" << std::endl;
  return EXIT_FAILURE;
}
