#include "server/serve.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>

#include "base/log.h"
#include "server/cli/exit_code.h"
#include "server/composition.h"
#include "worker/process/command_executor.h"

namespace longhaul::server {
namespace {

// Whoever ignores SIGHUP for us wants us to outlive the terminal (nohup).
bool is_ignored(int signal) {
  struct sigaction now {};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

sigset_t stop_signals() {
  sigset_t set = set_of({SIGTERM, SIGINT});
  if (!is_ignored(SIGHUP)) sigaddset(&set, SIGHUP);
  return set;
}

// Both are errors of a write too (EPIPE, EFBIG), which is what the writers look at.
void ignore_signals_of_writes() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

// Programs run as the same user and could read this process's environment in /proc. Whoever wanted the key has
// it by now, so it is wiped where the kernel shows it from, and no child inherits it.
void forget_secret_variables() {
  for (const char* name : {"LONGHAUL_API_KEY"}) {
    if (char* value = ::getenv(name)) ::explicit_bzero(value, std::strlen(value));
    ::unsetenv(name);
  }
}

// Each thread of ours allocates little: more arenas than two only hold memory that nobody uses.
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

void wait_for(const sigset_t& signals) {
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
  base::log_info("stopping");
}

}  // namespace

int serve(const Settings& settings) {
  base::set_log_level(settings.log_level);
  forget_secret_variables();
  keep_memory_small();
  raise_descriptor_limit();
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ignore_signals_of_writes();

  // Should spawner and shims all be killed, what they watched falls to this process, and is ended.
  if (!worker::become_subreaper()) return complain("the kernel does not let this process adopt orphans");

  auto house = Composition::build(settings);
  if (!house) return complain(house.error().message);
  if (const auto started = house.value()->start(); !started) return complain(started.error().message);
  // Past stdio, which would keep what it cannot write: who has closed stdout does without this line.
  ::dprintf(STDOUT_FILENO, "longhaul is listening on %s\n", house.value()->url().c_str());

  wait_for(signals);
  // The second one kills. A terminal that goes away may send SIGHUP twice and means one.
  const sigset_t killing = set_of({SIGTERM, SIGINT});
  pthread_sigmask(SIG_UNBLOCK, &killing, nullptr);
  house.value()->stop();
  return static_cast<int>(ExitCode::ok);
}

}  // namespace longhaul::server
