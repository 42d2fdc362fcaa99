#include "storage/sqlite/database_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

namespace longhaul::storage {
namespace {

// Two names of one file must give one lock: links are followed first.
std::string lock_path_of(const std::string& database) {
  std::error_code ignored;
  const auto real = std::filesystem::weakly_canonical(database, ignored);
  return (ignored ? database : real.string()) + ".lock";
}

// The pid in the first line, then the note.
DatabaseLock::Holder read_file(int fd) {
  std::string text(DatabaseLock::max_note_bytes + 32, '\0');
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  DatabaseLock::Holder holder;
  const std::size_t line_end = std::min(text.find('\n'), text.size());
  (void)std::from_chars(text.data(), text.data() + line_end, holder.pid);
  if (line_end < text.size()) holder.note = text.substr(line_end + 1);
  return holder;
}

std::string name_of(const DatabaseLock::Holder& holder) {
  return holder.pid == 0 ? "another process" : "process " + std::to_string(holder.pid);
}

// In one write, so that a reader sees the old text or the new one.
bool write_file(int fd, std::string_view note) {
  const std::string text = std::to_string(::getpid()) + "\n" + std::string(note);
  return ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
         ::ftruncate(fd, static_cast<off_t>(text.size())) == 0;
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
  // Who only looks for a holder has it for a moment (read_holder): that passes.
  int refused = ::flock(fd.get(), LOCK_EX | LOCK_NB);
  for (int i = 0; i < 40 && refused != 0 && errno == EWOULDBLOCK; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    refused = ::flock(fd.get(), LOCK_EX | LOCK_NB);
  }
  if (refused != 0) {
    if (errno != EWOULDBLOCK) return base::fail("cannot lock " + path + ": " + std::strerror(errno));
    return base::fail("the database " + database + " is in use by " + name_of(read_file(fd.get())) +
                      ", which holds " + path +
                      ". Two servers must not share a database: stop that one, or give this one another.");
  }
  // A full disk must not keep a server from starting: the pid is for people, the lock is what counts.
  (void)write_file(fd.get(), {});
  return DatabaseLock(std::move(fd));
}

std::optional<std::string> DatabaseLock::holder_of(const std::string& database) {
  const auto holder = read_holder(database);
  if (!holder) return std::nullopt;
  return name_of(*holder);
}

std::optional<DatabaseLock::Holder> DatabaseLock::read_holder(const std::string& database) {
  const base::UniqueFd fd(::open(lock_path_of(database).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return std::nullopt;
  // Held for a moment when nobody has it, and shared, so that two who look do not see each other.
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return std::nullopt;
  return read_file(fd.get());
}

base::Result<void> DatabaseLock::leave_note(const std::string& database, std::string_view note) {
  const std::string path = lock_path_of(database);
  const base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid() || !write_file(fd.get(), note.substr(0, max_note_bytes)))
    return base::fail("cannot write to " + path + ": " + std::strerror(errno));
  return {};
}

}  // namespace longhaul::storage
