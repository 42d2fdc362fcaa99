#include "tests/support/power_loss_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>

namespace longhaul::tests {

PowerLossDisk::PowerLossDisk(std::string vfs_name, std::uint64_t seed)
    : vfs_name_(std::move(vfs_name)), vfs_(std::make_unique<sqlite3_vfs>()), random_(seed) {
  make_vfs(*vfs_, *this);
  sqlite3_vfs_register(vfs_.get(), 0);
}

PowerLossDisk::~PowerLossDisk() { sqlite3_vfs_unregister(vfs_.get()); }

void PowerLossDisk::lose_power_after(std::uint64_t changes) {
  const std::lock_guard lock(mutex_);
  changes_left_ = changes;
}

bool PowerLossDisk::has_power() const {
  const std::lock_guard lock(mutex_);
  return powered_;
}

std::uint64_t PowerLossDisk::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

void PowerLossDisk::set_capacity(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

void PowerLossDisk::refuse_syncs(bool refuse) {
  const std::lock_guard lock(mutex_);
  refuse_syncs_ = refuse;
}

std::size_t PowerLossDisk::bytes_in_use() const {
  const std::lock_guard lock(mutex_);
  return in_use();
}

std::size_t PowerLossDisk::in_use() const {
  std::size_t bytes = 0;
  for (const auto& [path, file] : files_) bytes += file->current.size();
  return bytes;
}

bool PowerLossDisk::change() {
  ++changes_;
  if (--changes_left_ == 0) powered_ = false;
  return powered_;
}

std::optional<PowerLossDisk::Handle> PowerLossDisk::open(const std::string& path, bool create) {
  const std::lock_guard lock(mutex_);
  if (!powered_) return std::nullopt;
  if (path.empty())
    return Handle{std::make_shared<DiskFile>(), path, epoch_};  // a temporary file: nobody else's
  auto found = files_.find(path);
  if (found == files_.end()) {
    if (!create) return std::nullopt;
    found = files_.emplace(path, std::make_shared<DiskFile>()).first;
  }
  return Handle{found->second, path, epoch_};
}

int PowerLossDisk::read(const Handle& handle, void* into, std::size_t count, std::size_t offset) {
  const std::lock_guard lock(mutex_);
  if (!is_alive(handle)) return SQLITE_IOERR_READ;
  const Bytes& bytes = handle.file->current;
  const std::size_t there = offset < bytes.size() ? std::min(count, bytes.size() - offset) : 0;
  if (there > 0) std::memcpy(into, bytes.data() + offset, there);
  if (there == count) return SQLITE_OK;
  std::memset(static_cast<char*>(into) + there, 0, count - there);
  return SQLITE_IOERR_SHORT_READ;
}

int PowerLossDisk::write(const Handle& handle, const void* from, std::size_t count, std::size_t offset) {
  const std::lock_guard lock(mutex_);
  if (!is_alive(handle)) return SQLITE_IOERR_WRITE;
  DiskFile& file = *handle.file;
  const std::size_t end = offset + count;
  if (end > file.current.size()) {
    if (in_use() + end - file.current.size() > capacity_) return SQLITE_FULL;
    file.current.resize(end);
  }
  std::memcpy(file.current.data() + offset, from, count);
  for (std::size_t sector = offset / sector_bytes; sector * sector_bytes < end; ++sector)
    file.dirty_sectors.insert(sector);
  return change() ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

int PowerLossDisk::truncate(const Handle& handle, std::size_t size) {
  const std::lock_guard lock(mutex_);
  if (!is_alive(handle)) return SQLITE_IOERR_TRUNCATE;
  DiskFile& file = *handle.file;
  // What was there counts as written over: should the file grow again, zeros must reach the disk.
  for (std::size_t begin = size; begin < file.current.size(); begin += sector_bytes) {
    file.dirty_sectors.insert(begin / sector_bytes);
  }
  file.current.resize(size);
  return change() ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

int PowerLossDisk::sync(const Handle& handle) {
  const std::lock_guard lock(mutex_);
  if (!is_alive(handle) || refuse_syncs_ || !change()) return SQLITE_IOERR_FSYNC;
  DiskFile& file = *handle.file;
  file.durable.resize(file.current.size());
  for (const std::size_t sector : file.dirty_sectors) {
    const std::size_t begin = sector * sector_bytes;
    if (begin >= file.current.size()) continue;
    std::memcpy(file.durable.data() + begin, file.current.data() + begin,
                std::min(sector_bytes, file.current.size() - begin));
  }
  file.dirty_sectors.clear();
  if (!file.is_durable) sync_folder();
  return SQLITE_OK;
}

void PowerLossDisk::sync_folder() {
  for (auto& [path, file] : files_) file->is_durable = true;
  deleted_.clear();
}

int PowerLossDisk::size(const Handle& handle, std::size_t& size) {
  const std::lock_guard lock(mutex_);
  if (!is_alive(handle)) return SQLITE_IOERR_FSTAT;
  size = handle.file->current.size();
  return SQLITE_OK;
}

int PowerLossDisk::remove(const std::string& path, bool sync) {
  const std::lock_guard lock(mutex_);
  if (!powered_) return SQLITE_IOERR_DELETE;
  const auto found = files_.find(path);
  if (found == files_.end()) return SQLITE_IOERR_DELETE_NOENT;
  if (found->second->is_durable) deleted_[path] = found->second;
  files_.erase(found);
  if (sync) sync_folder();
  return change() ? SQLITE_OK : SQLITE_IOERR_DELETE;
}

bool PowerLossDisk::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return files_.contains(path);
}

void PowerLossDisk::power_on() {
  const std::lock_guard lock(mutex_);
  powered_ = true;
  ++epoch_;
  changes_left_ = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [path, file] : deleted_) {
    if (!files_.contains(path) && random_() % 2 == 0) files_[path] = file;
  }
  deleted_.clear();
  std::erase_if(files_, [&](const auto& entry) { return !entry.second->is_durable && random_() % 2 == 0; });
  for (auto& [path, file] : files_) {
    auto survivor =
        std::make_shared<DiskFile>(DiskFile{file->current, file->durable, file->dirty_sectors, true, {}});
    survive(*survivor);
    file = std::move(survivor);
  }
}

// Of each sector that was not synced, the old or the new by chance; the length, that of either.
void PowerLossDisk::survive(DiskFile& file) {
  const std::size_t size = random_() % 2 == 0 ? file.durable.size() : file.current.size();
  Bytes bytes = file.durable;
  bytes.resize(std::max(file.durable.size(), file.current.size()));
  for (const std::size_t sector : file.dirty_sectors) {
    const std::size_t begin = sector * sector_bytes;
    if (begin >= file.current.size() || random_() % 2 == 0) continue;
    std::memcpy(bytes.data() + begin, file.current.data() + begin,
                std::min(sector_bytes, file.current.size() - begin));
  }
  bytes.resize(size);
  file.durable = bytes;
  file.current = std::move(bytes);
  file.dirty_sectors.clear();
}

}  // namespace longhaul::tests
