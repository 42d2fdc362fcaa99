// The least a server can do: an epoll loop that answers whatever it reads with a constant, nothing parsed,
// nothing checked. The ceiling beside which the real server is measured, as a process of its own like that.
#pragma once

namespace longhaul::bench {

// Reads "SIZE\n" and that many bytes from stdin: a whole answer. Prints "http://127.0.0.1:PORT" and answers
// each request there with it, until the process is killed. Returns an exit code when it cannot begin.
[[nodiscard]] int run_bare_loop();

}  // namespace longhaul::bench
