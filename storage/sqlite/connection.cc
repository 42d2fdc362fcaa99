#include "storage/sqlite/connection.h"

#include <sqlite3.h>

#include <stdexcept>

namespace longhaul::storage {
namespace {

[[noreturn]] void throw_error(sqlite3* handle, int code, std::string_view sql) {
  const int extended = handle == nullptr ? code : sqlite3_extended_errcode(handle);
  throw SqlError((extended & 0xff) == (code & 0xff) ? extended : code,
                 std::string(handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle)) +
                     (sql.empty() ? "" : " (in: " + std::string(sql) + ")"));
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

// Up to its semicolon: behind that may be comments that belong to what comes next.
std::string_view statement_in(std::string_view text) { return trimmed(text.substr(0, text.rfind(';') + 1)); }

// As a URI, in which these three would mean something.
std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%') {
      uri += "%25";
    } else if (c == '?') {
      uri += "%3f";
    } else if (c == '#') {
      uri += "%23";
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

int open_flags(Connection::Mode mode) {
  // Each connection is used by one thread at a time: no mutex, whatever SQLite was compiled for.
  constexpr int always = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (mode) {
    case Connection::Mode::read_only: return always | SQLITE_OPEN_READONLY;
    case Connection::Mode::create: return always | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case Connection::Mode::immutable: return always | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
  }
  return always;
}

constexpr std::string_view name_mark = "-- name:";

}  // namespace

bool SqlError::is_full() const { return primary() == SQLITE_FULL; }

bool SqlError::is_fatal() const {
  switch (primary()) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL: return true;
    default: return false;
  }
}

SqlLibrary::SqlLibrary(std::span<const embedded::TextFile> files) {
  for (const embedded::TextFile& file : files) {
    std::size_t at = file.text.find(name_mark);
    while (at != std::string_view::npos) {
      const std::size_t line_end = file.text.find('\n', at);
      const std::string_view name =
          trimmed(file.text.substr(at + name_mark.size(), line_end - at - name_mark.size()));
      const std::size_t next = file.text.find(name_mark, line_end);
      const std::string_view body = statement_in(file.text.substr(line_end, next - line_end));
      if (!texts_.emplace(name, body).second)
        throw std::logic_error("two SQL statements named " + std::string(name));
      at = next;
    }
  }
}

std::string_view SqlLibrary::text(std::string_view name) const {
  const auto found = texts_.find(name);
  if (found == texts_.end()) throw std::logic_error("no SQL statement named " + std::string(name));
  return found->second;
}

Connection::Connection(const std::string& path, Mode mode, const std::string& vfs) {
  const std::string name = mode == Mode::immutable ? immutable_uri(path) : path;
  const int code =
      sqlite3_open_v2(name.c_str(), &handle_, open_flags(mode), vfs.empty() ? nullptr : vfs.c_str());
  if (code == SQLITE_OK) return;
  const std::string message = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
  sqlite3_close_v2(handle_);
  throw SqlError(code, message);
}

Connection::~Connection() { sqlite3_close_v2(handle_); }

void Connection::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw_error(handle_, code, sql);
}

std::int64_t Connection::integer(const std::string& sql) {
  const std::string found = text(sql);
  return found.empty() ? 0 : std::stoll(found);
}

std::string Connection::text(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr);
  if (code != SQLITE_OK) throw_error(handle_, code, sql);
  std::string found;
  const int stepped = sqlite3_step(statement);
  if (stepped == SQLITE_ROW) {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    if (data != nullptr) found = data;
  }
  sqlite3_finalize(statement);
  if (stepped != SQLITE_ROW && stepped != SQLITE_DONE) throw_error(handle_, stepped, sql);
  return found;
}

bool Connection::is_read_only() const { return sqlite3_db_readonly(handle_, "main") == 1; }

bool Connection::autocommit() const { return sqlite3_get_autocommit(handle_) != 0; }

Statements::~Statements() {
  for (const auto& [name, statement] : prepared_) sqlite3_finalize(statement);
}

Query Statements::use(std::string_view name) {
  const auto found = prepared_.find(name);
  if (found != prepared_.end()) return Query(found->second);

  const std::string_view sql = library_.text(name);
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection_.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) throw_error(connection_.handle(), code, sql);
  prepared_.emplace(library_.all().find(name)->first, statement);
  return Query(statement);
}

}  // namespace longhaul::storage
