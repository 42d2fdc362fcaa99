#include "base/start_thread.h"

#include <pthread.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace longhaul::base {
namespace {

constexpr std::size_t name_bytes = 15;  // pthread_setname_np(3)

}  // namespace

Result<std::thread> start_thread(std::string name, std::function<void()> body) {
  name.resize(std::min(name.size(), name_bytes));
  try {
    return std::thread([name, body = std::move(body)] {
      pthread_setname_np(pthread_self(), name.c_str());
      body();
    });
  } catch (const std::system_error& error) {
    return fail("the thread '" + name + "' could not be made (" + error.code().message() +
                "): the system has no more threads or memory for this user; look at the limits of processes "
                "(ulimit -u, TasksMax of the service) and of memory");
  }
}

}  // namespace longhaul::base
