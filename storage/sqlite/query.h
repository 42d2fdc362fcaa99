// One use of a prepared statement: bind, step, read columns; reset at the end of the scope.
//
// Parameters are bound in the order in which they first appear in the SQL. Texts are bound without a copy:
// what is bound must outlive the Query. Column getters do not check the type; the schema is STRICT. Not
// thread-safe. Errors: SqlError (connection.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/task.h"

struct sqlite3_stmt;

namespace longhaul::storage {

// Bytes that are not text, for a BLOB column.
struct Blob {
  std::string_view bytes;
};

class Query {
 public:
  explicit Query(sqlite3_stmt* statement) : statement_(statement) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  template <class... Values>
  Query& bind(const Values&... values) {
    int index = 0;
    (bind_one(++index, values), ...);
    check_all_bound(index);
    return *this;
  }

  // Steps: true when there is a row to read.
  [[nodiscard]] bool row();
  // Steps to the end of a statement that gives no rows.
  void run();
  // The same, for a change guarded by its WHERE: exactly one row must have changed, else the store's picture
  // of the row was wrong and nothing of the transaction may stand (throws SqlError).
  void run_guarded();
  // How many rows the last run() changed, and the key of the row that it inserted.
  [[nodiscard]] std::int64_t changed_rows() const;
  [[nodiscard]] std::int64_t inserted_key() const;

  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string_view text(int column) const;  // until the next step; blobs too
  [[nodiscard]] std::optional<std::int64_t> maybe_integer(int column) const;
  [[nodiscard]] std::optional<int> maybe_int(int column) const;
  [[nodiscard]] std::optional<double> maybe_real(int column) const;
  [[nodiscard]] std::optional<std::string> maybe_text(int column) const;
  [[nodiscard]] api::WallTime wall(int column) const {
    return api::WallTime(api::Milliseconds(integer(column)));
  }
  [[nodiscard]] std::optional<api::WallTime> maybe_wall(int column) const;
  [[nodiscard]] std::optional<api::SteadyTime> maybe_steady(int column) const;
  // Of the two columns of a pair, the one that is set.
  [[nodiscard]] std::optional<api::Due> maybe_due(int wall_column, int steady_column) const;
  [[nodiscard]] api::TaskId task_id(int column) const;

 private:
  void bind_one(int index, std::nullptr_t);
  void bind_one(int index, std::int64_t value);
  void bind_one(int index, int value) { bind_one(index, std::int64_t{value}); }
  void bind_one(int index, double value);
  void bind_one(int index, std::string_view value);
  void bind_one(int index, const std::string& value) { bind_one(index, std::string_view(value)); }
  void bind_one(int index, const char* value) { bind_one(index, std::string_view(value)); }
  void bind_one(int index, Blob value);
  void bind_one(int index, const api::TaskId& value);
  void bind_one(int index, api::TaskKey value) { bind_one(index, value.get()); }
  void bind_one(int index, api::AttemptToken value) { bind_one(index, value.get()); }
  void bind_one(int index, api::WallTime value) { bind_one(index, value.time_since_epoch().count()); }
  void bind_one(int index, api::SteadyTime value) { bind_one(index, value.time_since_epoch().count()); }
  void bind_one(int index, api::Milliseconds value) { bind_one(index, value.count()); }
  void bind_one(int index, api::TaskState value) { bind_one(index, api::to_text(value)); }
  template <class T>
  void bind_one(int index, const std::optional<T>& value) {
    if (value) {
      bind_one(index, *value);
    } else {
      bind_one(index, nullptr);
    }
  }
  void check_all_bound(int count) const;
  [[nodiscard]] int step();

  sqlite3_stmt* statement_;
};

// The halves of a Due, for the two columns of a pair.
[[nodiscard]] std::optional<api::WallTime> wall_part(const std::optional<api::Due>& due);
[[nodiscard]] std::optional<api::SteadyTime> steady_part(const std::optional<api::Due>& due);

}  // namespace longhaul::storage
