// SQLite's side of PowerLossDisk: the methods of its VFS and of its files, its file locks, and its shared
// memory.
#include <sqlite3.h>

#include <cstring>
#include <new>

#include "tests/support/power_loss_disk.h"

namespace longhaul::tests {
namespace {

constexpr int longest_path = 512;

// What SQLite allocates for each open file; `state` is ours.
struct OpenFile;
struct FileOfVfs {
  sqlite3_file base;
  OpenFile* state;
};
struct OpenFile {
  PowerLossDisk* disk;
  PowerLossDisk::Handle handle;
  int level = SQLITE_LOCK_NONE;
  unsigned shared_slots = 0;
  unsigned exclusive_slots = 0;

  [[nodiscard]] FileLocks& locks() const { return handle.file->locks; }
};

OpenFile& state_of(sqlite3_file* file) { return *reinterpret_cast<FileOfVfs*>(file)->state; }
PowerLossDisk& disk_of(sqlite3_vfs* vfs) { return *static_cast<PowerLossDisk*>(vfs->pAppData); }
sqlite3_vfs* system_vfs() { return sqlite3_vfs_find("unix"); }

// ---- reading and writing

int file_read(sqlite3_file* file, void* into, int count, sqlite3_int64 offset) {
  OpenFile& open = state_of(file);
  return open.disk->read(open.handle, into, static_cast<std::size_t>(count),
                         static_cast<std::size_t>(offset));
}
int file_write(sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
  OpenFile& open = state_of(file);
  return open.disk->write(open.handle, from, static_cast<std::size_t>(count),
                          static_cast<std::size_t>(offset));
}
int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
  OpenFile& open = state_of(file);
  return open.disk->truncate(open.handle, static_cast<std::size_t>(size));
}
int file_sync(sqlite3_file* file, int /*flags*/) {
  OpenFile& open = state_of(file);
  return open.disk->sync(open.handle);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  OpenFile& open = state_of(file);
  std::size_t found = 0;
  const int code = open.disk->size(open.handle, found);
  *size = static_cast<sqlite3_int64>(found);
  return code;
}

// ---- the lock of the file, as https://sqlite.org/lockingv3.html has it

int file_unlock(sqlite3_file* file, int level) {
  OpenFile& open = state_of(file);
  const std::lock_guard lock(open.disk->mutex());
  FileLocks& locks = open.locks();
  if (open.level >= SQLITE_LOCK_RESERVED && level < SQLITE_LOCK_RESERVED) locks.reserved = false;
  if (open.level >= SQLITE_LOCK_PENDING) locks.pending = false;
  if (open.level == SQLITE_LOCK_EXCLUSIVE) locks.exclusive = false;
  if (open.level >= SQLITE_LOCK_SHARED && level == SQLITE_LOCK_NONE) --locks.shared;
  open.level = std::min(open.level, level);
  return SQLITE_OK;
}

int lock_exclusive(OpenFile& open) {
  FileLocks& locks = open.locks();
  if (locks.reserved && open.level < SQLITE_LOCK_RESERVED) return SQLITE_BUSY;
  if (locks.pending && open.level < SQLITE_LOCK_PENDING) return SQLITE_BUSY;
  locks.pending = true;
  open.level = SQLITE_LOCK_PENDING;
  if (locks.shared > 1) return SQLITE_BUSY;
  locks.exclusive = true;
  open.level = SQLITE_LOCK_EXCLUSIVE;
  return SQLITE_OK;
}

int file_lock(sqlite3_file* file, int level) {
  OpenFile& open = state_of(file);
  const std::lock_guard lock(open.disk->mutex());
  if (!open.disk->is_alive(open.handle)) return SQLITE_IOERR_LOCK;
  if (open.level >= level) return SQLITE_OK;
  FileLocks& locks = open.locks();
  if (level == SQLITE_LOCK_SHARED) {
    if (locks.pending || locks.exclusive) return SQLITE_BUSY;
    ++locks.shared;
  } else if (level == SQLITE_LOCK_RESERVED) {
    if (locks.reserved) return SQLITE_BUSY;
    locks.reserved = true;
  } else {
    return lock_exclusive(open);
  }
  open.level = level;
  return SQLITE_OK;
}

int file_check_reserved(sqlite3_file* file, int* reserved) {
  OpenFile& open = state_of(file);
  const std::lock_guard lock(open.disk->mutex());
  *reserved = open.locks().reserved ? 1 : 0;
  return SQLITE_OK;
}

// ---- shared memory

int shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** memory) {
  OpenFile& open = state_of(file);
  const std::lock_guard lock(open.disk->mutex());
  *memory = nullptr;
  if (!open.disk->is_alive(open.handle)) return SQLITE_IOERR_SHMMAP;
  auto& regions = open.locks().shared_memory;
  const auto index = static_cast<std::size_t>(region);
  if (index >= regions.size()) {
    if (extend == 0) return SQLITE_OK;
    while (regions.size() <= index) {
      regions.push_back(std::make_unique<unsigned char[]>(static_cast<std::size_t>(size)));
    }
  }
  *memory = regions[index].get();
  return SQLITE_OK;
}

void unlock_slots(OpenFile& open, unsigned mask) {
  FileLocks& locks = open.locks();
  for (int slot = 0; slot < FileLocks::slots; ++slot) {
    const unsigned bit = 1U << slot;
    if ((mask & bit) == 0) continue;
    if ((open.shared_slots & bit) != 0) --locks.slot_shared[slot];
    if ((open.exclusive_slots & bit) != 0) locks.slot_exclusive[slot] = false;
  }
  open.shared_slots &= ~mask;
  open.exclusive_slots &= ~mask;
}

int lock_slots(OpenFile& open, unsigned mask, bool exclusive) {
  FileLocks& locks = open.locks();
  for (int slot = 0; slot < FileLocks::slots; ++slot) {
    const unsigned bit = 1U << slot;
    if ((mask & bit) == 0) continue;
    if (locks.slot_exclusive[slot] && (open.exclusive_slots & bit) == 0) return SQLITE_BUSY;
    const int own = (open.shared_slots & bit) != 0 ? 1 : 0;
    if (exclusive && locks.slot_shared[slot] > own) return SQLITE_BUSY;
  }
  for (int slot = 0; slot < FileLocks::slots; ++slot) {
    const unsigned bit = 1U << slot;
    if ((mask & bit) == 0) continue;
    if (exclusive) {
      locks.slot_exclusive[slot] = true;
      open.exclusive_slots |= bit;
    } else if ((open.shared_slots & bit) == 0) {
      ++locks.slot_shared[slot];
      open.shared_slots |= bit;
    }
  }
  return SQLITE_OK;
}

int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  OpenFile& open = state_of(file);
  const std::lock_guard lock(open.disk->mutex());
  const unsigned mask = ((1U << count) - 1U) << offset;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    unlock_slots(open, mask);
    return SQLITE_OK;
  }
  if (!open.disk->is_alive(open.handle)) return SQLITE_IOERR_SHMLOCK;
  return lock_slots(open, mask, (flags & SQLITE_SHM_EXCLUSIVE) != 0);
}

void shm_barrier(sqlite3_file* file) { const std::lock_guard lock(state_of(file).disk->mutex()); }

// The memory stays until the file's last user is gone (remove), for the others may have it mapped.
int shm_unmap(sqlite3_file* file, int remove) {
  OpenFile& open = state_of(file);
  const std::lock_guard lock(open.disk->mutex());
  unlock_slots(open, ~0U);
  if (remove != 0) open.locks().shared_memory.clear();
  return SQLITE_OK;
}

// ---- opening and closing

int file_close(sqlite3_file* file) {
  auto* ours = reinterpret_cast<FileOfVfs*>(file);
  file_unlock(file, SQLITE_LOCK_NONE);
  delete ours->state;
  ours->state = nullptr;
  return SQLITE_OK;
}

int file_control(sqlite3_file* /*file*/, int /*operation*/, void* /*argument*/) { return SQLITE_NOTFOUND; }
int file_sector_size(sqlite3_file* /*file*/) { return static_cast<int>(PowerLossDisk::sector_bytes); }
// A write does not damage the bytes beside it, as on the disks that SQLite is told of by default.
int file_characteristics(sqlite3_file* /*file*/) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

constexpr sqlite3_io_methods io_methods = {2,
                                           file_close,
                                           file_read,
                                           file_write,
                                           file_truncate,
                                           file_sync,
                                           file_size,
                                           file_lock,
                                           file_unlock,
                                           file_check_reserved,
                                           file_control,
                                           file_sector_size,
                                           file_characteristics,
                                           shm_map,
                                           shm_lock,
                                           shm_barrier,
                                           shm_unmap,
                                           nullptr,
                                           nullptr};

int vfs_open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  auto* ours = reinterpret_cast<FileOfVfs*>(file);
  ours->base.pMethods = nullptr;
  auto handle = disk_of(vfs).open(path == nullptr ? "" : path, (flags & SQLITE_OPEN_CREATE) != 0);
  if (!handle) return SQLITE_CANTOPEN;
  ours->state = new OpenFile{&disk_of(vfs), std::move(*handle)};
  ours->base.pMethods = &io_methods;
  if (flags_out != nullptr) *flags_out = flags;
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* vfs, const char* path, int sync) { return disk_of(vfs).remove(path, sync != 0); }
int vfs_access(sqlite3_vfs* vfs, const char* path, int /*flags*/, int* found) {
  *found = disk_of(vfs).exists(path) ? 1 : 0;
  return SQLITE_OK;
}
int vfs_full_path(sqlite3_vfs* /*vfs*/, const char* path, int size, char* full) {
  return sqlite3_snprintf(size, full, "%s", path) == nullptr ? SQLITE_ERROR : SQLITE_OK;
}
int vfs_randomness(sqlite3_vfs* /*vfs*/, int count, char* into) {
  return system_vfs()->xRandomness(system_vfs(), count, into);
}
int vfs_sleep(sqlite3_vfs* /*vfs*/, int microseconds) {
  return system_vfs()->xSleep(system_vfs(), microseconds);
}
int vfs_time(sqlite3_vfs* /*vfs*/, double* now) { return system_vfs()->xCurrentTime(system_vfs(), now); }
int vfs_last_error(sqlite3_vfs* /*vfs*/, int /*count*/, char* /*into*/) { return 0; }

}  // namespace

void make_vfs(sqlite3_vfs& vfs, PowerLossDisk& disk) {
  std::memset(&vfs, 0, sizeof vfs);
  vfs.iVersion = 1;
  vfs.szOsFile = static_cast<int>(sizeof(FileOfVfs));
  vfs.mxPathname = longest_path;
  vfs.zName = disk.vfs_name().c_str();
  vfs.pAppData = &disk;
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_path;
  vfs.xRandomness = vfs_randomness;
  vfs.xSleep = vfs_sleep;
  vfs.xCurrentTime = vfs_time;
  vfs.xGetLastError = vfs_last_error;
}

}  // namespace longhaul::tests
