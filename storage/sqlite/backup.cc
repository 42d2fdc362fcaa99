#include "storage/sqlite/backup.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "base/unique_fd.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/database.h"
#include "storage/sqlite/migrator.h"
#include "storage/sqlite/quiet_reading.h"

namespace longhaul::storage {
namespace {

constexpr int pages_in_a_step = 1'000;
constexpr const char* count_tasks = "SELECT count(*) FROM tasks";

std::string reason() { return std::strerror(errno); }

std::string is_there_already(const std::string& to) {
  return to + " is there already: name another file, or say --force to replace it";
}

// False with errno: EEXIST when the name is taken. Not every file system knows how to rename like that, or
// links; on the last kind a name that is taken meanwhile is a matter of luck.
bool rename_to_new_name(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  if (::link(from.c_str(), to.c_str()) == 0) return ::unlink(from.c_str()) == 0;
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return false;
  struct stat found {};
  if (::lstat(to.c_str(), &found) == 0) {
    errno = EEXIST;
    return false;
  }
  return std::rename(from.c_str(), to.c_str()) == 0;
}

// The file that the copy is made in; gone again unless it was given its name.
class UnfinishedFile {
 public:
  static base::Result<UnfinishedFile> make(const std::string& to) {
    const std::string path = to + ".tmp";
    for (int i = 0; i < 10; ++i) {
      base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
      if (!fd.valid()) return base::fail("cannot make " + path + ": " + reason());
      if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) break;
      // Between the two calls another backup may have been done: then this is its file, by its own name.
      if (!is_still_named(fd.get(), path)) continue;
      if (auto fine = take_over(fd.get(), path); !fine) return base::fail(fine.error().message);
      return UnfinishedFile(to, std::move(fd));
    }
    return base::fail("another backup is being written to " + path);
  }
  UnfinishedFile(UnfinishedFile&&) = default;
  UnfinishedFile& operator=(UnfinishedFile&&) = delete;
  ~UnfinishedFile() {
    if (fd_.valid()) ::unlink(path_.c_str());
  }

  [[nodiscard]] const std::string& path() const { return path_; }

  // Of what a first reading has copied nothing may be left for a second one.
  void clear() const {
    if (::ftruncate(fd_.get(), 0) != 0)
      throw SqlError(SQLITE_IOERR_TRUNCATE, "cannot write " + path_ + ": " + reason());
  }

  // Last of all, when SQLite has closed the file: closing ours would take its locks away.
  [[nodiscard]] base::Result<void> give_its_name(bool overwrite) {
    if (::fsync(fd_.get()) != 0) return base::fail("cannot sync " + path_ + ": " + reason());
    if (!(overwrite ? std::rename(path_.c_str(), to_.c_str()) == 0 : rename_to_new_name(path_, to_))) {
      if (errno == EEXIST && !overwrite) return base::fail(is_there_already(to_));
      return base::fail("cannot rename " + path_ + " to " + to_ + ": " + reason());
    }
    fd_.reset();
    const auto folder = std::filesystem::absolute(to_).parent_path();
    const base::UniqueFd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.valid() || ::fsync(opened.get()) != 0)
      return base::fail("cannot sync the folder " + folder.string() + ": " + reason());
    return {};
  }

 private:
  UnfinishedFile(const std::string& to, base::UniqueFd fd)
      : to_(to), path_(to + ".tmp"), fd_(std::move(fd)) {}

  static bool is_still_named(int fd, const std::string& path) {
    struct stat ours {};
    struct stat named {};
    return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
  }
  // What an interrupted backup has left. Nothing else is to be emptied, and nobody else to own or read it.
  static base::Result<void> take_over(int fd, const std::string& path) {
    struct stat found {};
    if (::fstat(fd, &found) != 0) return base::fail("cannot look at " + path + ": " + reason());
    if (!S_ISREG(found.st_mode) || found.st_nlink != 1 || found.st_uid != ::geteuid())
      return base::fail(path + " is there and not left by a backup of this user's: remove it");
    if (::fchmod(fd, 0600) != 0 || ::ftruncate(fd, 0) != 0)
      return base::fail("cannot write " + path + ": " + reason());
    return {};
  }

  std::string to_;
  std::string path_;
  base::UniqueFd fd_;
};

// Throws SqlError.
void copy_pages(Connection& from, Connection& to, const BackupOptions& options) {
  using Backup = std::unique_ptr<sqlite3_backup, decltype(&sqlite3_backup_finish)>;
  const Backup backup(sqlite3_backup_init(to.handle(), "main", from.handle(), "main"),
                      &sqlite3_backup_finish);
  if (!backup) throw SqlError(sqlite3_extended_errcode(to.handle()), sqlite3_errmsg(to.handle()));
  int code = SQLITE_OK;
  while (code == SQLITE_OK) {
    code = sqlite3_backup_step(backup.get(), pages_in_a_step);
    const std::int64_t all = sqlite3_backup_pagecount(backup.get());
    if (options.on_progress) options.on_progress(all - sqlite3_backup_remaining(backup.get()), all);
  }
  if (code != SQLITE_DONE) throw SqlError(code, std::string("the copy failed: ") + sqlite3_errstr(code));
}

// The copy as one file without a log beside it, and whole.
base::Result<BackupReport> finish_and_verify(Connection& copy, const std::string& path) {
  if (copy.text("PRAGMA journal_mode = DELETE") != "delete")
    return base::fail("cannot write " + path + " as one file");
  const std::string verdict = copy.text("PRAGMA integrity_check");
  if (verdict != "ok") {
    return base::fail("the copy is damaged, and so is probably the database: " + verdict +
                      ". No backup was made.");
  }
  BackupReport report;
  report.tasks = copy.integer(count_tasks);
  report.schema_version = static_cast<int>(copy.integer("SELECT max(number) FROM schema_migrations"));
  report.bytes = copy.integer("PRAGMA page_count") * copy.integer("PRAGMA page_size");
  return report;
}

base::Result<BackupReport> copy_and_verify(Connection& from, const BackupOptions& options,
                                           const std::string& path) {
  if (auto ours = check_is_ours(from, options.from); !ours) return base::fail(ours.error().message);
  // With a read transaction around all of it, the copy is of one moment, and a server that writes meanwhile
  // does not make it begin again.
  from.execute("BEGIN");
  const std::int64_t tasks = from.integer(count_tasks);
  Connection copy(path, Connection::Mode::create, "");
  copy_pages(from, copy, options);
  from.execute("COMMIT");
  auto report = finish_and_verify(copy, path);
  if (report && report->tasks != tasks) {
    return base::fail("the copy holds " + std::to_string(report->tasks) + " tasks, and the database held " +
                      std::to_string(tasks) + ". No backup was made.");
  }
  return report;
}

base::Result<void> check_names(const BackupOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(options.from, ignored))
    return base::fail("there is no database " + options.from);
  if (std::filesystem::equivalent(options.from, options.to, ignored))
    return base::fail(options.to + " is the database itself: name another file for the backup");
  if (!options.overwrite && std::filesystem::exists(std::filesystem::symlink_status(options.to, ignored)))
    return base::fail(is_there_already(options.to));
  if (std::filesystem::is_directory(options.to, ignored))
    return base::fail(options.to + " is a folder: name a file");
  return {};
}

}  // namespace

base::Result<BackupReport> back_up(const BackupOptions& options) {
  if (auto fine = check_names(options); !fine) return base::fail(fine.error().message);
  auto file = UnfinishedFile::make(options.to);
  if (!file) return base::fail(file.error().message);
  try {
    auto report = read_quietly(options.from, [&](Connection& from) {
      file->clear();
      return copy_and_verify(from, options, file->path());
    });
    if (!report) return report;
    if (auto named = file->give_its_name(options.overwrite); !named) return base::fail(named.error().message);
    return report;
  } catch (const SqlError& error) {
    return base::fail("cannot back up " + options.from + " to " + options.to + ": " + error.what());
  }
}

}  // namespace longhaul::storage
