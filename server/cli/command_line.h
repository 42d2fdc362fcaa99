// The program `longhaul`: reads its arguments and runs the server, a client command or one of the processes
// that the server starts of itself. Output goes to stdout, complaints to stderr; see exit_code.h for what is
// returned. Call it once, from main.
#pragma once

namespace longhaul::server {

[[nodiscard]] int run_command_line(int argc, char** argv);

}  // namespace longhaul::server
