#include "storage/sqlite/query.h"

#include <sqlite3.h>

#include <cassert>
#include <cstring>

#include "storage/sqlite/connection.h"

namespace longhaul::storage {
namespace {

[[noreturn]] void throw_error(sqlite3_stmt* statement, int code) {
  sqlite3* handle = sqlite3_db_handle(statement);
  const int extended = sqlite3_extended_errcode(handle);
  const char* sql = sqlite3_sql(statement);
  throw SqlError((extended & 0xff) == (code & 0xff) ? extended : code,
                 std::string(sqlite3_errmsg(handle)) + " (in: " + (sql == nullptr ? "" : sql) + ")");
}

void check(sqlite3_stmt* statement, int code) {
  if (code != SQLITE_OK) throw_error(statement, code);
}

}  // namespace

Query::~Query() { sqlite3_reset(statement_); }

int Query::step() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) throw_error(statement_, code);
  return code;
}

bool Query::row() { return step() == SQLITE_ROW; }

void Query::run() {
  while (step() == SQLITE_ROW) {
  }
}

void Query::run_guarded() {
  run();
  if (changed_rows() != 1) {
    throw SqlError(SQLITE_ABORT, std::string("a guarded change did not find its row (in: ") +
                                     sqlite3_sql(statement_) + ")");
  }
}

std::int64_t Query::changed_rows() const { return sqlite3_changes64(sqlite3_db_handle(statement_)); }
std::int64_t Query::inserted_key() const { return sqlite3_last_insert_rowid(sqlite3_db_handle(statement_)); }

bool Query::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Query::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Query::text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

std::optional<std::int64_t> Query::maybe_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}
std::optional<int> Query::maybe_int(int column) const {
  if (is_null(column)) return std::nullopt;
  return static_cast<int>(integer(column));
}
std::optional<double> Query::maybe_real(int column) const {
  if (is_null(column)) return std::nullopt;
  return real(column);
}
std::optional<std::string> Query::maybe_text(int column) const {
  if (is_null(column)) return std::nullopt;
  return std::string(text(column));
}
std::optional<api::WallTime> Query::maybe_wall(int column) const {
  if (is_null(column)) return std::nullopt;
  return wall(column);
}
std::optional<api::SteadyTime> Query::maybe_steady(int column) const {
  if (is_null(column)) return std::nullopt;
  return api::SteadyTime(api::Milliseconds(integer(column)));
}
std::optional<api::Due> Query::maybe_due(int wall_column, int steady_column) const {
  if (const auto at = maybe_wall(wall_column)) return api::Due(*at);
  if (const auto at = maybe_steady(steady_column)) return api::Due(*at);
  return std::nullopt;
}

api::TaskId Query::task_id(int column) const {
  const std::string_view bytes = text(column);
  api::TaskId::Bytes id{};
  if (bytes.size() != id.size()) throw SqlError(SQLITE_CORRUPT, "a task id that is not 16 bytes long");
  std::memcpy(id.data(), bytes.data(), id.size());
  return api::TaskId(id);
}

void Query::bind_one(int index, std::nullptr_t) { check(statement_, sqlite3_bind_null(statement_, index)); }
void Query::bind_one(int index, std::int64_t value) {
  check(statement_, sqlite3_bind_int64(statement_, index, value));
}
void Query::bind_one(int index, double value) {
  check(statement_, sqlite3_bind_double(statement_, index, value));
}
void Query::bind_one(int index, std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  check(statement_, sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
}
void Query::bind_one(int index, Blob value) {
  const char* data = value.bytes.data() == nullptr ? "" : value.bytes.data();
  check(statement_, sqlite3_bind_blob64(statement_, index, data, value.bytes.size(), SQLITE_STATIC));
}
void Query::bind_one(int index, const api::TaskId& value) {
  const api::TaskId::Bytes& id = value.bytes();
  check(statement_, sqlite3_bind_blob64(statement_, index, id.data(), id.size(), SQLITE_STATIC));
}

void Query::check_all_bound([[maybe_unused]] int count) const {
  assert(count == sqlite3_bind_parameter_count(statement_));
}

std::optional<api::WallTime> wall_part(const std::optional<api::Due>& due) {
  if (!due || !std::holds_alternative<api::WallTime>(*due)) return std::nullopt;
  return std::get<api::WallTime>(*due);
}
std::optional<api::SteadyTime> steady_part(const std::optional<api::Due>& due) {
  if (!due || !std::holds_alternative<api::SteadyTime>(*due)) return std::nullopt;
  return std::get<api::SteadyTime>(*due);
}

}  // namespace longhaul::storage
