#include "worker/process/program_start.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>

// The child shares the parent's memory until it executes: sanitizers must not take its steps for the
// parent's.
#if defined(__clang__)
#define LONGHAUL_PLAIN_CODE __attribute__((noinline, no_sanitize("address", "thread", "undefined")))
#else
#define LONGHAUL_PLAIN_CODE \
  __attribute__((noinline, no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#endif

namespace longhaul::worker::process {
namespace {

constexpr const char* default_search_path = "/usr/local/bin:/usr/bin:/bin";
constexpr std::size_t child_stack_bytes = 32 * 1024;
// From the soft limit on, SIGXCPU; a program that ignores it is killed this much later.
constexpr rlim_t cpu_seconds_to_end = 5;

struct ChildPlan {
  const char* file = nullptr;
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  std::array<int, 4> descriptors{};  // become 0, 1, 2 and progress_descriptor
  std::int64_t cpu_seconds = -1;
  std::int64_t open_files = -1;
  int error_number = 0;  // written by the child: their memory is one
};

LONGHAUL_PLAIN_CODE bool limit(int resource, rlim_t soft, rlim_t hard) {
  rlimit now;
  if (syscall(SYS_prlimit64, 0, resource, nullptr, &now) != 0) return false;
  // Never above what the server itself has been given.
  const rlimit wanted{soft < now.rlim_max ? soft : now.rlim_max, hard < now.rlim_max ? hard : now.rlim_max};
  return syscall(SYS_prlimit64, 0, resource, &wanted, nullptr) == 0;
}

LONGHAUL_PLAIN_CODE bool prepare(const ChildPlan& plan) {
  if (syscall(SYS_setsid) < 0) return false;
  // A net below all others: the leader does not outlive its shim. A fork of it does not inherit this.
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  for (int i = 0; i < 4; ++i)
    if (syscall(SYS_dup3, plan.descriptors[static_cast<std::size_t>(i)], i, 0) < 0) return false;
  if (syscall(SYS_close_range, progress_descriptor + 1, ~0U, 0) != 0) return false;
  if (plan.cpu_seconds >= 0) {
    const auto seconds = static_cast<rlim_t>(plan.cpu_seconds);
    if (!limit(RLIMIT_CPU, seconds, seconds + cpu_seconds_to_end)) return false;
  }
  if (plan.open_files >= 0) {
    const auto files = static_cast<rlim_t>(plan.open_files);
    if (!limit(RLIMIT_NOFILE, files, files)) return false;
  }
  const std::uint64_t no_signals = 0;
  return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, sizeof no_signals) == 0;
}

// Only system calls from here to the exec: as after vfork, nothing else is allowed.
LONGHAUL_PLAIN_CODE int run_child(void* memory) {
  ChildPlan& plan = *static_cast<ChildPlan*>(memory);
  if (prepare(plan)) syscall(SYS_execve, plan.file, plan.arguments, plan.environment);
  plan.error_number = errno;
  syscall(SYS_exit_group, 127);
  __builtin_unreachable();
}

// What an execve of `path` would say of it, as far as that can be told before; 0 when it looks well.
int check_program(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return errno;
  if (!S_ISREG(info.st_mode)) return EACCES;
  return faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

}  // namespace

std::string find_program(const std::string& program, const char* search_path, int& error_number) {
  error_number = ENOENT;
  if (program.find('/') != std::string::npos) {
    error_number = check_program(program);
    return error_number == 0 ? program : std::string();
  }
  std::string_view rest = search_path;
  while (!program.empty()) {
    const std::size_t end = rest.find(':');
    const std::string_view folder = rest.substr(0, end);
    // An empty entry means the working directory, as in every shell.
    std::string path = folder.empty() ? "./" + program : std::string(folder) + "/" + program;
    const int error = check_program(path);
    if (error == 0) {
      error_number = 0;
      return path;
    }
    if (error == EACCES) error_number = EACCES;  // worth more than "there is none"
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return {};
}

ProgramStart start_program(SpawnOrder& order, const SpawnEnds& ends) {
  ProgramStart result;
  const char* search_path = std::getenv("PATH");
  const std::string file =
      find_program(order.arguments.front(), search_path != nullptr ? search_path : default_search_path,
                   result.error_number);
  if (file.empty()) return result;

  ChildPlan plan;
  plan.file = file.c_str();
  plan.arguments = order.arguments.data();
  plan.environment = order.environment.data();
  plan.descriptors = {ends.input.get(), ends.output.get(), ends.log.get(), ends.progress.get()};
  plan.cpu_seconds = order.header.cpu_seconds;
  plan.open_files = order.header.open_files;
  alignas(16) std::array<char, child_stack_bytes> stack;
  // As posix_spawn does it: no copy of the page tables, and this process stands still until the exec.
  const pid_t pid = clone(run_child, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD, &plan);
  if (pid < 0) {
    result.stage = StartStage::process;
    result.error_number = errno;
    return result;
  }
  if (plan.error_number != 0) {
    waitpid(pid, nullptr, 0);
    result.stage = StartStage::exec;
    result.error_number = plan.error_number;
    return result;
  }
  result.pid = pid;
  return result;
}

}  // namespace longhaul::worker::process
