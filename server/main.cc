// The program `longhaul`. One of its processes is not for people: the spawner, which the server starts to
// start commands. It comes first, so that it stays as small as a process can be.
#include <string_view>

#include "server/cli/command_line.h"
#include "worker/process/command_executor.h"
#include "worker/process/spawn_protocol.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "spawner") {
    return longhaul::worker::run_spawner(longhaul::worker::process::control_descriptor);
  }
  return longhaul::server::run_command_line(argc, argv);
}
