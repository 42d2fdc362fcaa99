// Read-only connections, opened as they are needed, each used by one thread at a time. A read runs in a read
// transaction, so that all of its statements see one state of the database, and blocks until a connection is
// free; reads are short.
//
// Thread-safety: read() from any thread; open() and close() once. Errors: what SQLite refuses comes back as
//   `unavailable`, and that connection is not used again.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/database.h"
#include "storage/store.h"

namespace longhaul::storage {

class ReaderPool {
 public:
  ReaderPool(DatabasePlace place, const SqlLibrary& library, std::size_t most)
      : place_(std::move(place)), library_(library), most_(most) {}
  ~ReaderPool() { close(); }

  void open() EXCLUDES(mutex_);
  // Waits for reads under way; later ones are refused.
  void close() EXCLUDES(mutex_);

  // Later reads wait until let_in(). True when none is under way any more: with `wait` it waits for that.
  [[nodiscard]] bool hold_back(bool wait) EXCLUDES(mutex_);
  void let_in() EXCLUDES(mutex_);

  // `how` takes Statements& and gives a T.
  template <class T, class How>
  [[nodiscard]] StoreResult<T> read(const How& how) {
    Lease lease(*this);
    try {
      lease.begin();
      T found = how(lease.statements());
      lease.end();
      return found;
    } catch (const SqlError& error) {
      return base::Failure<StoreError>{{StoreFault::unavailable, error.what()}};
    }
  }

 private:
  struct Reader {
    std::unique_ptr<Connection> connection;
    std::unique_ptr<Statements> statements;  // goes before its connection
    ~Reader() { statements.reset(); }
  };
  // A connection for the length of a read; back to the pool only when the read went well.
  class Lease {
   public:
    explicit Lease(ReaderPool& pool) : pool_(pool) {}
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    void begin();
    void end();
    [[nodiscard]] Statements& statements() { return *reader_->statements; }

   private:
    ReaderPool& pool_;
    std::unique_ptr<Reader> reader_;
    bool counted_ = false;
    bool went_well_ = false;
  };

  // Null: there is none yet, and the caller makes one.
  [[nodiscard]] std::unique_ptr<Reader> acquire() EXCLUDES(mutex_);
  void release(std::unique_ptr<Reader> reader) EXCLUDES(mutex_);
  [[nodiscard]] std::unique_ptr<Reader> make_reader() const;

  const DatabasePlace place_;
  const SqlLibrary& library_;
  const std::size_t most_;
  base::Mutex mutex_;
  base::CondVar changed_;
  bool open_ GUARDED_BY(mutex_) = false;
  bool held_back_ GUARDED_BY(mutex_) = false;
  std::size_t in_use_ GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Reader>> free_ GUARDED_BY(mutex_);
};

}  // namespace longhaul::storage
