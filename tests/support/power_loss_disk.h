// A disk in memory, for SQLite, that loses its power: an SQLite VFS whose files keep what was synced apart
// from what was only written. At a chosen write, sync, truncation or deletion the power goes; from then on
// every call fails. power_on() gives back what a real disk might: all that was synced, and of the rest each
// sector of 512 bytes and each change of length by chance, so that writes are torn and reordered. Names made
// and deleted since the folder was synced may be lost and come back; the folder is synced with the first sync
// of a new file, as SQLite's VFS for Unix does for its logs and journals.
//
// It can also be full (writes that need more room fail) and refuse syncs.
//
// Thread-safety: every method from any thread. Ownership: outlives every connection that uses it. Names
//   must be its own: SQLite keeps VFSes in a list of the process, from which the destructor takes it off.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace longhaul::tests {

using Bytes = std::vector<unsigned char>;

// Who holds what on one file: SQLite's lock levels for the file, and its shared memory with the locks in it.
struct FileLocks {
  int shared = 0;
  bool reserved = false;
  bool pending = false;
  bool exclusive = false;
  static constexpr int slots = 8;
  int slot_shared[slots] = {};
  bool slot_exclusive[slots] = {};
  std::vector<std::unique_ptr<unsigned char[]>> shared_memory;
};

struct DiskFile {
  Bytes current;
  Bytes durable;
  std::set<std::size_t> dirty_sectors;
  bool is_durable = false;  // its name was synced
  FileLocks locks;
};

class PowerLossDisk {
 public:
  static constexpr std::size_t sector_bytes = 512;

  PowerLossDisk(std::string vfs_name, std::uint64_t seed);
  ~PowerLossDisk();
  PowerLossDisk(const PowerLossDisk&) = delete;
  PowerLossDisk& operator=(const PowerLossDisk&) = delete;

  [[nodiscard]] const std::string& vfs_name() const { return vfs_name_; }

  // The power goes at the n-th change from now on (1: the next).
  void lose_power_after(std::uint64_t changes);
  [[nodiscard]] bool has_power() const;
  // How many changes there were in all.
  [[nodiscard]] std::uint64_t changes() const;
  // After every connection was closed.
  void power_on();

  // Room for all files together.
  void set_capacity(std::size_t bytes);
  void refuse_syncs(bool refuse);
  [[nodiscard]] std::size_t bytes_in_use() const;

  // ---- what the VFS calls; results are SQLite's codes

  // An open file. Handles from before a loss of power stay dead.
  struct Handle {
    std::shared_ptr<DiskFile> file;
    std::string path;
    std::uint64_t epoch = 0;
  };
  [[nodiscard]] std::optional<Handle> open(const std::string& path, bool create);
  [[nodiscard]] int read(const Handle& handle, void* into, std::size_t count, std::size_t offset);
  [[nodiscard]] int write(const Handle& handle, const void* from, std::size_t count, std::size_t offset);
  [[nodiscard]] int truncate(const Handle& handle, std::size_t size);
  [[nodiscard]] int sync(const Handle& handle);
  [[nodiscard]] int size(const Handle& handle, std::size_t& size);
  [[nodiscard]] int remove(const std::string& path, bool sync);
  [[nodiscard]] bool exists(const std::string& path);
  // For locks and shared memory, which have no part in the loss.
  [[nodiscard]] std::mutex& mutex() const { return mutex_; }
  [[nodiscard]] bool is_alive(const Handle& handle) const { return powered_ && handle.epoch == epoch_; }

 private:
  [[nodiscard]] bool change();  // counts one; false: the power went with it
  [[nodiscard]] std::size_t in_use() const;
  void sync_folder();
  void survive(DiskFile& file);

  const std::string vfs_name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  std::map<std::string, std::shared_ptr<DiskFile>> files_;
  std::map<std::string, std::shared_ptr<DiskFile>> deleted_;  // may come back
  bool powered_ = true;
  bool refuse_syncs_ = false;
  std::uint64_t epoch_ = 1;
  std::uint64_t changes_ = 0;
  std::uint64_t changes_left_ = std::numeric_limits<std::uint64_t>::max();
  std::size_t capacity_ = std::numeric_limits<std::size_t>::max();
};

// Fills `vfs` in so that it works on `disk` (power_loss_vfs.cc).
void make_vfs(sqlite3_vfs& vfs, PowerLossDisk& disk);

}  // namespace longhaul::tests
