#include "storage/sqlite/file_space.h"

namespace longhaul::storage {
namespace {

constexpr std::int64_t incremental = 2;  // of PRAGMA auto_vacuum

std::int64_t number(Statements& statements, std::string_view name) {
  Query query = statements.use(name);
  return query.bind().row() ? query.integer(0) : 0;
}

}  // namespace

FileSpace read_file_space(Statements& statements) {
  return {number(statements, "page_size"), number(statements, "page_count"),
          number(statements, "free_page_count")};
}

bool give_space_back(Statements& statements) {
  const FileSpace before = read_file_space(statements);
  if (before.free_pages * before.page_bytes <= spare_bytes) return false;
  if (number(statements, "vacuum_mode") != incremental) return false;
  Query query = statements.use("give_pages_back");
  query.bind();
  while (query.row()) {  // a row for each page
  }
  return number(statements, "free_page_count") < before.free_pages;
}

}  // namespace longhaul::storage
