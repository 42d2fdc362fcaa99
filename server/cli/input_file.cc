#include "server/cli/input_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/unique_fd.h"

namespace longhaul::server {
namespace {

base::Failure<base::Error> cannot_read(const std::string& subject) {
  return base::fail("cannot read " + subject + ": " + std::generic_category().message(errno));
}

base::Result<std::string> read_all(int fd, const std::string& subject, std::size_t limit_bytes) {
  std::array<char, 64 * 1024> part{};
  std::string text;
  for (;;) {
    const ssize_t size = ::read(fd, part.data(), part.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return cannot_read(subject);
    if (size == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(size));
    if (text.size() > limit_bytes) {
      return base::fail(subject + " has more than " + std::to_string(limit_bytes) + " bytes");
    }
  }
}

}  // namespace

base::Result<std::string> read_input(const std::string& path, std::size_t limit_bytes) {
  if (path == "-") return read_all(STDIN_FILENO, "stdin", limit_bytes);
  const std::string subject = "the file '" + path + "'";
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return cannot_read(subject);
  return read_all(fd.get(), subject, limit_bytes);
}

}  // namespace longhaul::server
