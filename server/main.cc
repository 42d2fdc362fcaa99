// The program `longhaul`. One of its processes is not for people: the spawner, which the server starts to
// start commands. It comes first, so that it stays as small as a process can be.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "server/cli/command_line.h"
#include "worker/process/command_executor.h"
#include "worker/process/spawn_protocol.h"

namespace {

// A descriptor below 3 that is closed would be given to the next file that is opened, and what is printed or
// logged would be written into it: into the database's lock, for one. /dev/null takes its place, opened the
// wrong way round, so that to read or write there is still the error that it is on a closed one.
bool occupy_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    if (::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (!occupy_standard_descriptors()) return 1;  // and nowhere to say so
  if (argc == 2 && std::string_view(argv[1]) == "spawner") {
    return longhaul::worker::run_spawner(longhaul::worker::process::control_descriptor);
  }
  return longhaul::server::run_command_line(argc, argv);
}
