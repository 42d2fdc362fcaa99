#include "server/serve.h"

#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "server/cli/exit_code.h"
#include "server/composition.h"
#include "server/process_events.h"
#include "server/reload.h"
#include "storage/sqlite/database_lock.h"
#include "worker/process/command_executor.h"
#include "worker/process/proc_stat.h"

namespace longhaul::server {
namespace {

// Both are errors of a write too (EPIPE, EFBIG), which is what the writers look at.
void ignore_signals_of_writes() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

// Programs run as the same user and could read this process's environment in /proc. Whoever wanted them has
// them by now, so they are wiped where the kernel shows them from, and no child inherits them.
void forget_secret_variables() {
  for (const char* name : {"LONGHAUL_API_KEY", "LONGHAUL_WEBHOOKS_CALLBACK_SECRET"}) {
    if (char* value = ::getenv(name)) ::explicit_bzero(value, std::strlen(value));
    ::unsetenv(name);
  }
}

// For builds with the system's allocator; allocator.cc has the same for jemalloc. Each thread of ours allocates little:
// more arenas only hold memory that nobody uses.
void keep_memory_small() { mallopt(M_ARENA_MAX, 2); }

// A connection is a descriptor: as many as this process is allowed.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int complain(const std::string& message) {
  std::fprintf(stderr, "longhaul: %s\n", message.c_str());
  return static_cast<int>(ExitCode::task_did_not_succeed);
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// Looks at the settings again, and takes up what it can; a fault changes nothing.
class Reloader {
 public:
  Reloader(Composition& house, const Settings& settings, const LoadSettings& load_again)
      : house_(house), settings_(settings), load_again_(load_again) {
    if (const auto self = worker::process::read_proc_stat(::getpid())) note_.started = self->start_ticks;
    note_.taken = true;
    note_.text = "as it was started";
    leave_note();
  }

  void reload() {
    ReloadNote& note = note_;
    ++note.count;
    const auto next = load_again_();
    note.taken = next.ok();
    note.text = next ? take_up(*next) : next.error().message;
    if (note.taken) {
      base::log_info("settings taken up", {{"outcome", note.text}});
    } else {
      base::log_error("the settings have faults and were not taken up", {{"faults", note.text}});
    }
    leave_note();
  }
  [[nodiscard]] base::Milliseconds drain_time() const { return settings_.drain; }

 private:
  void leave_note() const {
    const auto left = storage::DatabaseLock::leave_note(settings_.database, to_text(note_));
    if (!left)
      base::log_warning("no note can be left for the reload command", {{"cause", left.error().message}});
  }

  std::string take_up(const Settings& next) {
    const std::string changed = joined(taken_up(settings_, next));
    const std::string waiting = joined(waiting_for_restart(settings_, next));
    settings_ = merged(settings_, next);
    house_.reload(settings_);
    return (changed.empty() ? "nothing has changed" : "changed: " + changed) +
           (waiting.empty() ? "" : "; waiting for the next start: " + waiting);
  }

  Composition& house_;
  Settings settings_;
  const LoadSettings& load_again_;
  ReloadNote note_;
};

// Returns when the server is to stop; true: at a second signal.
bool run(Composition& house, ProcessEvents& events, Reloader& reloader) {
  using Event = ProcessEvents::Event;
  while (events.wait() != Event::stop_asked) reloader.reload();
  base::log_info("draining: starts are refused, what runs may go on; a second signal stops it now",
                 {{"drain_seconds", std::chrono::duration<double>(reloader.drain_time()).count()}});
  house.drain([&events] { events.tell_drained(); });
  const base::SystemClock clock;
  const base::BootTime until = clock.boot() + reloader.drain_time();
  Event event = Event::reload_asked;
  while (event == Event::reload_asked) {
    event = events.wait(
        std::chrono::ceil<base::Milliseconds>(std::max(until - clock.boot(), base::Nanoseconds(0))));
  }
  base::log_info(event == Event::drained ? "stopping: nothing runs any more" : "stopping what still runs");
  return event == Event::stop_asked;
}

// While the house stops: a second signal changes nothing any more, a third one ends the process.
void let_third_signal_kill(ProcessEvents& events) {
  using Event = ProcessEvents::Event;
  Event event = Event::drained;
  while (event != Event::stop_asked && event != Event::stopped) event = events.wait();
  if (event == Event::stopped) return;
  ProcessEvents::let_signals_kill();
  while (events.wait() != Event::stopped) {
  }
}

}  // namespace

int serve(const Settings& settings, const LoadSettings& load_again) {
  base::set_log_level(settings.log_level);
  forget_secret_variables();
  keep_memory_small();
  raise_descriptor_limit();
  ProcessEvents events;
  if (const auto opened = events.open(); !opened) return complain(opened.error().message);
  ignore_signals_of_writes();

  // Should spawner and shims all be killed, what they watched falls to this process, and is ended.
  if (!worker::become_subreaper()) return complain("the kernel does not let this process adopt orphans");

  auto house = Composition::build(settings);
  if (!house) return complain(house.error().message);
  if (const auto started = house.value()->start(); !started) return complain(started.error().message);
  // Past stdio, which would keep what it cannot write: who has closed stdout does without this line.
  ::dprintf(STDOUT_FILENO, "longhaul is listening on %s\n", house.value()->url().c_str());

  Reloader reloader(*house.value(), settings, load_again);
  std::thread impatient;
  if (run(*house.value(), events, reloader)) {
    ProcessEvents::let_signals_kill();
  } else {
    impatient = std::thread([&events] { let_third_signal_kill(events); });
  }
  house.value()->stop();
  base::log_info("stopped");
  events.tell_stopped();
  if (impatient.joinable()) impatient.join();
  return static_cast<int>(ExitCode::ok);
}

}  // namespace longhaul::server
