// One connection to an SQLite file, the text of the named statements, and a cache of prepared ones.
//
// Thread-safety: SqlLibrary is const after its making and shared; a Connection with its Statements belongs
//   to one thread at a time (SQLite is compiled without locks for each call).
// Ownership: a Connection closes its handle; Statements finalises what it prepared and must go before its
//   Connection.
// Errors: inside storage/sqlite a call to SQLite that fails throws SqlError. Two places catch it and turn
//   it into what the port promises: the writer, and the pool of readers.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "embedded/queries_sqlite.h"
#include "storage/sqlite/query.h"

struct sqlite3;

namespace longhaul::storage {

// `code` is SQLite's extended result code.
class SqlError : public std::runtime_error {
 public:
  SqlError(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  [[nodiscard]] int code() const { return code_; }
  [[nodiscard]] int primary() const { return code_ & 0xff; }

  // No space left: on the disk, or within a quota.
  [[nodiscard]] bool is_full() const;
  // The file cannot be trusted any more: a read, write or sync failed, or what was read makes no sense.
  [[nodiscard]] bool is_fatal() const;

 private:
  int code_;
};

// Statements by name: each begins with a line `-- name: xyz` in one of the embedded .sql files.
class SqlLibrary {
 public:
  explicit SqlLibrary(std::span<const embedded::TextFile> files);
  // The name must exist: a missing one is our mistake and throws std::logic_error.
  [[nodiscard]] std::string_view text(std::string_view name) const;
  [[nodiscard]] const std::map<std::string_view, std::string_view>& all() const { return texts_; }

 private:
  std::map<std::string_view, std::string_view> texts_;
};

class Connection {
 public:
  // immutable: reads a file that nobody writes meanwhile, and leaves no other file beside it.
  enum class Mode { read_only, create, immutable };
  // `vfs` empty: the system's own.
  Connection(const std::string& path, Mode mode, const std::string& vfs);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One or more statements without parameters; rows are dropped.
  void execute(const char* sql);
  void execute(const std::string& sql) { execute(sql.c_str()); }
  // The first column of the first row; 0 when there is none.
  [[nodiscard]] std::int64_t integer(const std::string& sql);
  [[nodiscard]] std::string text(const std::string& sql);

  // The file may not be written, whatever mode was asked for.
  [[nodiscard]] bool is_read_only() const;
  // False inside a transaction.
  [[nodiscard]] bool autocommit() const;
  [[nodiscard]] sqlite3* handle() const { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

class Statements {
 public:
  Statements(Connection& connection, const SqlLibrary& library)
      : connection_(connection), library_(library) {}
  ~Statements();
  Statements(const Statements&) = delete;
  Statements& operator=(const Statements&) = delete;

  // Ready to bind. A statement is used by one Query at a time; the Query resets it when it goes.
  [[nodiscard]] Query use(std::string_view name);

 private:
  Connection& connection_;
  const SqlLibrary& library_;
  std::unordered_map<std::string_view, sqlite3_stmt*> prepared_;  // names point into the library
};

}  // namespace longhaul::storage
