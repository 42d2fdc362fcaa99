#include "storage/sqlite/kept_secret.h"

#include <filesystem>
#include <optional>
#include <system_error>

#include "embedded/queries_sqlite.h"
#include "storage/sqlite/database.h"
#include "storage/sqlite/deliveries.h"
#include "storage/sqlite/migrator.h"
#include "storage/sqlite/quiet_reading.h"

namespace longhaul::storage {
namespace {

std::optional<std::string> secret_in(Connection& connection) {
  // A database of before webhooks has no table for it.
  if (connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'secrets'") == 0)
    return std::nullopt;
  const SqlLibrary library(embedded::queries_sqlite());
  Statements statements(connection, library);
  return read_callback_secret(statements);
}

}  // namespace

base::Result<std::string> read_kept_secret(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    return base::fail("there is no database " + path +
                      "; a server makes one, and the secret, when it starts");
  try {
    return read_quietly(path, [&path](Connection& connection) -> base::Result<std::string> {
      if (auto ours = check_is_ours(connection, path); !ours) return base::fail(ours.error().message);
      if (auto secret = secret_in(connection)) return *std::move(secret);
      return base::fail("there is no secret yet in " + path + "; a server makes one when it starts");
    });
  } catch (const SqlError& error) {
    return base::fail("cannot read the database " + path + ": " + error.what());
  }
}

}  // namespace longhaul::storage
