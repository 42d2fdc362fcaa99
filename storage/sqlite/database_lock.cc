#include "storage/sqlite/database_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace longhaul::storage {
namespace {

// Two names of one file must give one lock: links are followed first.
std::string lock_path_of(const std::string& database) {
  std::error_code ignored;
  const auto real = std::filesystem::weakly_canonical(database, ignored);
  return (ignored ? database : real.string()) + ".lock";
}

std::string holder_in(int fd) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid.empty() ? "another process" : "process " + pid;
}

bool write_holder(int fd) {
  const std::string text = std::to_string(::getpid()) + "\n";
  return ::ftruncate(fd, 0) == 0 &&
         ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

// What is not there yet will be made, as a file with one name. A second name would have a lock of its own.
base::Result<void> check_is_one_file(const std::string& database) {
  struct stat found {};
  if (::stat(database.c_str(), &found) != 0) return {};
  if (!S_ISREG(found.st_mode)) {
    return base::fail("the database " + database +
                      " is not a regular file, but a folder, a device or the like: name a file");
  }
  if (found.st_nlink > 1) {
    return base::fail(
        "the database " + database + " has " + std::to_string(found.st_nlink) +
        " names (hard links), so that two servers could use it at once: copy it to a file of its "
        "own, or remove the other names");
  }
  return {};
}

}  // namespace

base::Result<DatabaseLock> DatabaseLock::take(const std::string& database) {
  if (auto checked = check_is_one_file(database); !checked) return base::Failure{checked.error()};
  const std::string path = lock_path_of(database);
  base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return base::fail("cannot open the lock file " + path + ": " + std::strerror(errno));
  // flock and not a POSIX lock: it belongs to this open file and not to the process, so that two stores in
  // one process exclude each other too, and closing some other descriptor of the file does not drop it.
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return base::fail("cannot lock " + path + ": " + std::strerror(errno));
    return base::fail("the database " + database + " is in use by " + holder_in(fd.get()) + ", which holds " +
                      path +
                      ". Two servers must not share a database: stop that one, or give this one another.");
  }
  // A full disk must not keep a server from starting: the pid is for people, the lock is what counts.
  (void)write_holder(fd.get());
  return DatabaseLock(std::move(fd));
}

std::optional<std::string> DatabaseLock::holder_of(const std::string& database) {
  const base::UniqueFd fd(::open(lock_path_of(database).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return std::nullopt;
  // Held for a moment when nobody has it, and shared, so that two who look do not see each other.
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return std::nullopt;
  return holder_in(fd.get());
}

}  // namespace longhaul::storage
