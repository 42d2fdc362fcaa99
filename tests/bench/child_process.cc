#include "tests/bench/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace longhaul::bench {
namespace {

constexpr auto patience_with_the_end = std::chrono::seconds(20);

struct Pipe {
  base::UniqueFd read_end;
  base::UniqueFd write_end;
};

base::Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return base::fail(std::string("no pipe: ") + std::strerror(errno));
  return Pipe{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

base::Result<pid_t> spawn(const std::vector<std::string>& command, int input, int output) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return base::fail("cannot start " + command[0] + ": " + std::strerror(error));
  return pid;
}

bool wait_for(int fd, std::chrono::milliseconds patience) {
  pollfd watched{fd, POLLIN, 0};
  return ::poll(&watched, 1, static_cast<int>(patience.count())) == 1;
}

}  // namespace

base::Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& command,
                                               const std::string& input) {
  auto to_child = make_pipe();
  auto from_child = make_pipe();
  if (!to_child || !from_child) return base::fail("no pipe for " + command[0]);
  auto pid = spawn(command, to_child->read_end.get(), from_child->write_end.get());
  if (!pid) return base::fail(pid.error().message);
  ChildProcess child(*pid, std::move(to_child->write_end), std::move(from_child->read_end));
  std::string_view rest = input;
  while (!rest.empty()) {
    const ssize_t count = ::write(child.input_.get(), rest.data(), rest.size());
    if (count < 0) return base::fail(command[0] + " does not read its input");
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return child;
}

base::Result<std::string> ChildProcess::read_line(std::chrono::milliseconds patience) {
  std::string line;
  for (char letter = 0; wait_for(output_.get(), patience);) {
    if (::read(output_.get(), &letter, 1) != 1) return base::fail("a program ended before it was ready");
    if (letter == '\n') return line;
    line += letter;
  }
  return base::fail("a program was not ready in time");
}

void ChildProcess::end() {
  if (pid_ < 0) return;
  const base::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  ::kill(pid_, SIGTERM);
  input_.reset();
  if (!process.valid() || !wait_for(process.get(), patience_with_the_end)) ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace longhaul::bench
