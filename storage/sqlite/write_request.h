// One call to the store that changes something, on its way through the writer.
//
// apply() runs inside a transaction and may run again in another one when that was rolled back: it leaves its
// input whole and makes its outcome anew. Then, once, either answer() after the commit or refuse(). All of it
// on the writer's thread, but refuse() also on the caller's when the request was not taken. Errors of
// apply(): SqlError, or whatever the standard library throws; both undo the transaction.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "storage/sqlite/write_transaction.h"
#include "storage/store.h"

namespace longhaul::storage {

class WriteRequest {
 public:
  WriteRequest() = default;
  WriteRequest(const WriteRequest&) = delete;
  WriteRequest& operator=(const WriteRequest&) = delete;
  virtual ~WriteRequest() = default;

  virtual void apply(WriteTransaction& transaction) = 0;
  virtual void answer() = 0;
  virtual void refuse(const StoreError& error) = 0;

  // What has been noted for this task (log lines, progress) is written before the request.
  [[nodiscard]] virtual std::optional<TaskKey> settles() const { return std::nullopt; }
  // How many tasks it changes at most: what a batch is measured by.
  [[nodiscard]] virtual std::size_t changes() const { return 1; }
  // Of what it brings along and writes; only what can be big counts.
  [[nodiscard]] virtual std::size_t bytes() const { return 0; }
  // After the commit the write-ahead log is to be moved into the database, whatever its length.
  [[nodiscard]] virtual bool wants_checkpoint() const { return false; }
  // New work: without space it is refused at once, while what ends work is tried again by itself.
  [[nodiscard]] virtual bool is_start() const { return false; }
};

// A request whose caller waits for an outcome.
template <class Outcome>
class AnsweredRequest : public WriteRequest {
 public:
  explicit AnsweredRequest(Done<Outcome> done) : done_(std::move(done)) {}
  void answer() final { done_(std::move(outcome_)); }
  void refuse(const StoreError& error) final { done_(base::Failure<StoreError>{error}); }

 protected:
  Outcome outcome_{};

 private:
  Done<Outcome> done_;
};

}  // namespace longhaul::storage
