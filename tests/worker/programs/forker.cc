// A task that is hard to catch.
//   forker chain         its child forks and exits, and so does that one's child, over and over, each in a
//   session of its own forker tree DEPTH    every process forks two more, DEPTH levels deep; all ignore
//   SIGTERM and stay
// The leader leaves with 0 once that is under way. Nothing lives on for more than a minute, should nobody
// catch it.
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace {

constexpr time_t longest_life_seconds = 60;

time_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec;
}

void run_chain() {
  const time_t limit = now() + longest_life_seconds;
  while (now() < limit) {
    if (fork() > 0) _exit(0);
    setsid();
  }
  _exit(0);
}

void grow_tree(long depth) {
  signal(SIGTERM, SIG_IGN);
  int born = 0;
  while (depth > 0 && born < 2) {
    ++born;
    if (fork() != 0) continue;
    setsid();
    --depth;
    born = 0;
  }
  alarm(longest_life_seconds);
  for (;;) pause();
}

}  // namespace

int main(int argc, char** argv) {
  const bool tree = argc == 3 && std::string_view(argv[1]) == "tree";
  if (fork() == 0) {
    if (tree) grow_tree(std::strtol(argv[2], nullptr, 10));
    run_chain();
  }
  return 0;
}
