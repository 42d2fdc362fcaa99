#include "tests/bench/process_figures.h"

#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace longhaul::bench {
namespace {

// The number behind "NAME:" in a status file of /proc; 0 when it is not there.
std::int64_t number_of(const std::filesystem::path& status, const std::string& name) {
  std::ifstream file(status);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::stoll(line.substr(name.size() + 1));
  }
  return 0;
}

// User and system time of a process and of the children that it has waited for, fields 14 to 17 of its stat
// file.
std::optional<double> own_and_waited_for(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(end_of_name + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  std::int64_t ticks = 0;
  for (int field = 14; field <= 17; ++field) {
    std::int64_t part = 0;
    fields >> part;
    ticks += part;
  }
  return static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", error)) {
    std::ifstream file(thread.path() / "children");
    for (pid_t child = 0; file >> child;) children.push_back(child);
  }
  return children;
}

}  // namespace

base::Result<double> read_tree_cpu_seconds(pid_t pid) {
  const auto own = own_and_waited_for(pid);
  if (!own) return base::fail("a measured process has gone");
  double sum = *own;
  for (const pid_t child : children_of(pid)) {
    // One that ends meanwhile is found in its parent's share the next time.
    if (const auto more = read_tree_cpu_seconds(child)) sum += more.value();
  }
  return sum;
}

base::Result<ProcessFigures> read_process_figures(pid_t pid) {
  const std::filesystem::path folder = "/proc/" + std::to_string(pid);
  ProcessFigures figures;
  figures.resident_bytes = number_of(folder / "status", "VmRSS") * 1024;
  if (figures.resident_bytes == 0) return base::fail("a measured process has gone");
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator(folder / "task", error)) {
    ++figures.threads;
    figures.context_switches += number_of(thread.path() / "status", "voluntary_ctxt_switches") +
                                number_of(thread.path() / "status", "nonvoluntary_ctxt_switches");
  }
  clockid_t clock{};
  timespec used{};
  if (error || ::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) {
    return base::fail("cannot look at a measured process");
  }
  figures.cpu_seconds = static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
  return figures;
}

}  // namespace longhaul::bench
