#include "server/serve.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <string>

#include "base/log.h"
#include "server/cli/exit_code.h"
#include "server/composition.h"
#include "worker/process/command_executor.h"

namespace longhaul::server {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
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
  keep_memory_small();
  raise_descriptor_limit();
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  // Should spawner and shims all be killed, what they watched falls to this process, and is ended.
  if (!worker::become_subreaper()) return complain("the kernel does not let this process adopt orphans");

  auto house = Composition::build(settings);
  if (!house) return complain(house.error().message);
  if (const auto started = house.value()->start(); !started) return complain(started.error().message);
  std::printf("longhaul is listening on %s\n", house.value()->url().c_str());
  std::fflush(stdout);

  wait_for(signals);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // the second one kills
  house.value()->stop();
  return static_cast<int>(ExitCode::ok);
}

}  // namespace longhaul::server
