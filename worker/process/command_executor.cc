#include "worker/process/command_executor.h"

#include <sys/resource.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "base/start_thread.h"
#include "worker/process/attempt_outcome.h"
#include "worker/process/command_inbox.h"
#include "worker/process/command_loop.h"

namespace longhaul::worker {
namespace {

// Four pipes and a lifeline; twice that while it starts.
constexpr rlim_t descriptors_per_attempt = 10;

std::size_t capacity_of(const CommandExecutorOptions& options) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return options.max_processes;
  const auto fitting = static_cast<std::size_t>(limit.rlim_cur / descriptors_per_attempt);
  return std::max<std::size_t>(std::min(options.max_processes, fitting), 1);
}

class CommandExecutor final : public Executor {
 public:
  explicit CommandExecutor(CommandExecutorOptions options)
      : options_(std::move(options)), capacity_(capacity_of(options_)), loop_(options_, inbox_) {}
  ~CommandExecutor() override { stop(); }

  [[nodiscard]] std::string_view name() const override { return "commands"; }

  [[nodiscard]] base::Result<void> start() override {
    if (auto opened = loop_.open(); !opened) return opened;
    auto thread = base::start_thread("command-io", [this] { loop_.run(); });
    if (!thread) {
      loop_.close();
      return base::fail(thread.error().message);
    }
    thread_ = std::move(*thread);
    return {};
  }

  void stop() override {
    if (!thread_.joinable()) return;
    inbox_.end();
    thread_.join();
  }

  void begin(AttemptOrder order) override {
    if (inbox_.begin(order)) return;
    options_.sink->on_finished(process::lost(order, "the server was stopped before the program was started"));
  }

  void stop_attempt(api::AttemptToken token) override { inbox_.stop(token); }

  [[nodiscard]] std::size_t capacity() const override { return capacity_; }

 private:
  const CommandExecutorOptions options_;
  const std::size_t capacity_;
  process::CommandInbox inbox_;
  process::CommandLoop loop_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Executor> make_command_executor(CommandExecutorOptions options) {
  return std::make_unique<CommandExecutor>(std::move(options));
}

}  // namespace longhaul::worker
