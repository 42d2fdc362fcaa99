#include "server/cli/program_search.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace longhaul::server {
namespace {

bool may_be_run(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

bool can_be_found(const std::string& program) {
  if (program.find('/') != std::string::npos) return may_be_run(program);
  const char* const path = std::getenv("PATH");
  const std::string folders = path == nullptr ? "/bin:/usr/bin" : path;
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::string folder = folders.substr(begin, end - begin);
    if (may_be_run((folder.empty() ? "." : folder) + "/" + program)) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace longhaul::server
