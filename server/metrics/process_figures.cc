#include "server/metrics/process_figures.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace longhaul::server {
namespace {

// The fields of /proc/self/stat from the third on (proc(5)): the second is the program's name, which may hold
// blanks and parentheses.
std::vector<std::string> stat_fields_from_third() {
  std::ifstream file("/proc/self/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return {};
  std::istringstream rest(text.substr(end_of_name + 1));
  return {std::istream_iterator<std::string>(rest), {}};
}

std::optional<double> boot_time_seconds() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double value = 0;
    if (word == "btime" && file >> value) return value;
  }
  return std::nullopt;
}

std::optional<std::int64_t> count_descriptors() {
  DIR* const folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return std::nullopt;
  std::int64_t count = -1;  // the folder's own
  while (const dirent* const entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(folder);
  return count;
}

}  // namespace

ProcessFigures read_process_figures() {
  ProcessFigures figures;
  const auto fields = stat_fields_from_third();
  const auto number = [&fields](std::size_t field) { return std::stod(fields[field - 3]); };
  if (constexpr std::size_t last_field = 24; fields.size() > last_field - 3) {
    const auto ticks_in_a_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
    figures.cpu_seconds = (number(14) + number(15)) / ticks_in_a_second;
    figures.threads = static_cast<std::int64_t>(number(20));
    figures.virtual_bytes = static_cast<std::int64_t>(number(23));
    figures.resident_bytes = static_cast<std::int64_t>(number(24)) * ::sysconf(_SC_PAGESIZE);
    if (const auto boot = boot_time_seconds()) {
      figures.start_time_seconds = *boot + number(22) / ticks_in_a_second;
    }
  }
  figures.open_descriptors = count_descriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    figures.max_descriptors = static_cast<std::int64_t>(limit.rlim_cur);
  }
  return figures;
}

}  // namespace longhaul::server
