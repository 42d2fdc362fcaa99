#include "worker/process/proc_stat.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string_view>

#include "base/unique_fd.h"

namespace longhaul::worker::process {
namespace {

// What is behind is not looked at.
constexpr std::size_t environment_bytes = 4 * 1024 * 1024;
constexpr std::size_t children_bytes = 64 * 1024 * 1024;

// Nothing when it cannot be opened.
std::optional<std::string> read_file(const std::string& path, std::size_t limit) {
  const base::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return {};
  std::string text;
  std::array<char, 4096> part;
  while (text.size() < limit) {
    const ssize_t size = read(file.get(), part.data(), part.size());
    if (size <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(size));
  }
  return text;
}

template <class Number>
bool take_number(std::string_view& rest, Number& number) {
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc()) return false;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return true;
}

// Calls `visit` with each entry of the folder whose name is a number.
template <class Visit>
void for_each_number_in(const char* folder, const Visit& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(folder), closedir);
  if (!stream) return;
  while (const dirent* entry = readdir(stream.get())) {
    pid_t number = 0;
    std::string_view name = entry->d_name;
    if (name.front() < '0' || name.front() > '9') continue;
    if (take_number(name, number) && name.empty()) visit(number);
  }
}

void append_numbers(std::string_view text, std::vector<pid_t>& numbers) {
  for (pid_t number = 0; take_number(text, number);) numbers.push_back(number);
}

std::string path_of(pid_t pid, const char* file) { return "/proc/" + std::to_string(pid) + "/" + file; }

// For kernels without /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN).
void append_children_by_parent(pid_t parent, std::vector<pid_t>& children) {
  for (const pid_t pid : all_processes()) {
    const auto stat = read_proc_stat(pid);
    if (stat && stat->parent == parent) children.push_back(pid);
  }
}

}  // namespace

std::optional<ProcStat> read_proc_stat(pid_t pid) {
  // Small and on the path of every attempt: no string, one read.
  std::array<char, 32> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
  const base::UniqueFd file(open(path.data(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return {};
  std::array<char, 1024> buffer;
  const ssize_t size = read(file.get(), buffer.data(), buffer.size());
  if (size <= 0) return {};

  std::string_view rest(buffer.data(), static_cast<std::size_t>(size));
  const std::size_t name_end = rest.rfind(')');  // the name may hold anything, ')' too
  if (name_end == std::string_view::npos || name_end + 3 >= rest.size()) return {};
  ProcStat stat;
  stat.pid = pid;
  stat.state = rest[name_end + 2];
  rest.remove_prefix(name_end + 3);
  if (!take_number(rest, stat.parent) || !take_number(rest, stat.group) || !take_number(rest, stat.session))
    return {};
  constexpr int fields_between = 15;  // session is the 6th field, the start time the 22nd
  for (int i = 0; i < fields_between; ++i) {
    std::int64_t ignored = 0;
    if (!take_number(rest, ignored)) return {};
  }
  if (!take_number(rest, stat.start_ticks)) return {};
  return stat;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  for_each_number_in("/proc", [&](pid_t pid) { pids.push_back(pid); });
  return pids;
}

void append_children(pid_t pid, std::vector<pid_t>& children) {
  bool known = false;
  const std::string tasks = path_of(pid, "task");
  for_each_number_in(tasks.c_str(), [&](pid_t thread) {
    const auto text = read_file(tasks + "/" + std::to_string(thread) + "/children", children_bytes);
    if (!text) return;
    known = true;
    append_numbers(*text, children);
  });
  if (!known && access(tasks.c_str(), F_OK) == 0) append_children_by_parent(pid, children);
}

std::optional<std::string> find_variable(const std::string& environment, const std::string& name) {
  const std::string start = name + "=";
  for (std::size_t at = 0; at < environment.size();) {
    const std::size_t end = std::min(environment.find('\0', at), environment.size());
    if (environment.compare(at, start.size(), start) == 0)
      return environment.substr(at + start.size(), end - at - start.size());
    at = end + 1;
  }
  return {};
}

std::string read_environment(pid_t pid) {
  return read_file(path_of(pid, "environ"), environment_bytes).value_or(std::string());
}

}  // namespace longhaul::worker::process
