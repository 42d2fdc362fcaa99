#include "storage/sqlite/reader_pool.h"

#include <sqlite3.h>

namespace longhaul::storage {

void ReaderPool::open() {
  const base::MutexLock lock(mutex_);
  open_ = true;
}

void ReaderPool::close() {
  const base::MutexLock lock(mutex_);
  open_ = false;
  changed_.notify_all();
  while (in_use_ > 0) changed_.wait(mutex_);
  free_.clear();
}

bool ReaderPool::hold_back(bool wait) {
  const base::MutexLock lock(mutex_);
  held_back_ = true;
  while (wait && in_use_ > 0) changed_.wait(mutex_);
  return in_use_ == 0;
}

void ReaderPool::let_in() {
  const base::MutexLock lock(mutex_);
  if (!std::exchange(held_back_, false)) return;
  changed_.notify_all();
}

std::unique_ptr<ReaderPool::Reader> ReaderPool::acquire() {
  const base::MutexLock lock(mutex_);
  while (open_ && (held_back_ || in_use_ >= most_)) changed_.wait(mutex_);
  if (!open_) throw SqlError(SQLITE_MISUSE, "the store is not running");
  ++in_use_;
  if (free_.empty()) return nullptr;
  std::unique_ptr<Reader> reader = std::move(free_.back());
  free_.pop_back();
  return reader;
}

void ReaderPool::release(std::unique_ptr<Reader> reader) {
  const base::MutexLock lock(mutex_);
  --in_use_;
  if (reader) free_.push_back(std::move(reader));
  changed_.notify_all();
}

std::unique_ptr<ReaderPool::Reader> ReaderPool::make_reader() const {
  auto reader = std::make_unique<Reader>();
  reader->connection = open_for_reading(place_);
  reader->statements = std::make_unique<Statements>(*reader->connection, library_);
  return reader;
}

void ReaderPool::Lease::begin() {
  reader_ = pool_.acquire();
  counted_ = true;
  if (!reader_) reader_ = pool_.make_reader();
  statements().use("begin_reading").bind().run();
}

void ReaderPool::Lease::end() {
  statements().use("commit").bind().run();
  went_well_ = true;
}

ReaderPool::Lease::~Lease() {
  if (!went_well_) reader_.reset();
  if (counted_) pool_.release(std::move(reader_));
}

}  // namespace longhaul::storage
