#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "api/time_text.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/start_thread.h"
#include "server/cli/command.h"
#include "server/cli/commands.h"
#include "server/cli/progress_bar.h"
#include "server/cli/session.h"
#include "server/cli/status_text.h"
#include "server/cli/task_wait.h"
#include "server/cli/terminal.h"

namespace longhaul::server {
namespace {

struct WatchArguments {
  ClientOptions client;
  std::string task_id;
};

// The live line: on a terminal a bar whose clock goes on between events, elsewhere a line for each change.
class Display {
 public:
  Display() {
    if (!line_.is_terminal()) return;
    auto thread = base::start_thread("clock", [this] { tick(); });
    if (thread) thread_ = std::move(*thread);
  }
  ~Display() { end(); }
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void show(JsonObject status) EXCLUDES(mutex_) {
    const base::MutexLock lock(mutex_);
    status_ = std::move(status);
    draw();
  }
  void end() EXCLUDES(mutex_) {
    {
      const base::MutexLock lock(mutex_);
      ended_ = true;
      wake_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    const base::MutexLock lock(mutex_);
    line_.clear();
  }

 private:
  void tick() EXCLUDES(mutex_) {
    const base::MutexLock lock(mutex_);
    while (!ended_) {
      wake_.wait_for(mutex_, std::chrono::seconds(1));
      if (!ended_) draw();
    }
  }
  void draw() REQUIRES(mutex_) {
    if (!status_) return;
    line_.show(line_.is_terminal() ? progress_bar(*status_, elapsed(), LiveLine::width())
                                   : progress_line(*status_));
  }
  // Since it was started, or while it waits since it was made, by this machine's clock.
  [[nodiscard]] std::chrono::seconds elapsed() const REQUIRES(mutex_) {
    const auto started = api::parse_time(status_->text("started_at"));
    const auto since = started ? started : api::parse_time(status_->text("created_at"));
    if (!since) return std::chrono::seconds(0);
    return std::chrono::duration_cast<std::chrono::seconds>(base::SystemClock().wall() - *since);
  }

  LiveLine line_;
  base::Mutex mutex_;
  base::CondVar wake_;
  std::optional<JsonObject> status_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// The final status; nothing when the server says that there is nothing to come any more.
Accepted<std::optional<Reply>> watch_events(Session& session, const std::string& task_id) {
  std::optional<Reply> last;
  Display display;
  const auto followed = session.follow(status_path(task_id), {}, [&](const ServerEvent& event) {
    auto status = event.name == "snapshot" || event.name == "state" || event.name == "progress"
                      ? JsonObject::read(event.data)
                      : std::nullopt;
    if (!status) return true;
    if (is_final_status(*status)) {
      last = Reply{200, event.data, ""};
      return false;
    }
    display.show(std::move(*status));
    return true;
  });
  if (!followed) return base::Failure{followed.error()};
  return last;
}

ExitCode run(const WatchArguments& arguments) {
  auto session = Session::open(arguments.client);
  if (!session) return session.error();
  if (!session->json()) {
    const auto last = watch_events(*session, arguments.task_id);
    if (!last) return last.error();
    if (*last) {
      const auto status = session->read(**last);
      if (!status) return status.error();
      print_status(*session, **last, *status);
      return exit_code_of(*status);
    }
  }
  const auto outcome = wait_for_task(*session, arguments.task_id, {});
  if (!outcome) return outcome.error();
  print_status(*session, outcome->reply, outcome->status);
  return outcome->exit_code;
}

}  // namespace

void add_watch_command(Command program) {
  const Command command =
      program.subcommand("watch", "Follow a task until it ends; interrupting this leaves the task alone");
  auto arguments = std::make_shared<WatchArguments>();
  command.id(arguments->task_id, "Id of the task");
  add_client_options(command, arguments->client);
  command.when_chosen(arguments, run);
}

}  // namespace longhaul::server
