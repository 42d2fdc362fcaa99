// The rows of the results kept for starts to come (storage/result_cache.h). Errors: SqlError.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/cache_terms.h"
#include "storage/result_cache.h"
#include "storage/sqlite/connection.h"

namespace longhaul::storage {

// What a result counts besides its status: its key, its row, and the indexes' part.
inline constexpr std::int64_t cached_result_row_bytes = 256;

// A row without the status, which is read only where it is asked for.
struct CachedRow {
  std::int64_t seq = 0;
  SteadyTime made;
  SteadyTime expires;
};
[[nodiscard]] std::optional<CachedRow> find_cached_row(Statements& statements, const std::string& type,
                                                       const std::string& key, SteadyTime now);
// With the row's status; null when it is gone.
[[nodiscard]] CachedResultPtr read_cached_result(Statements& statements, const CachedRow& row,
                                                 SteadyTime now);

// The writer's side. Belongs to its thread.
class CachedResults {
 public:
  // `max_bytes` is read at each use and outlives this.
  CachedResults(Statements& statements, const std::atomic<std::int64_t>& max_bytes)
      : statements_(statements), max_bytes_(max_bytes) {}

  void begin(SteadyTime now);

  // The youngest one if it is fresh. Whatever is there then stays for as long as these terms say.
  [[nodiscard]] CachedResultPtr find_fresh(const std::string& type, const api::CacheTerms& terms);
  // Keeps the result of a task that has just succeeded, by what its start said of it.
  void keep(const api::TaskSnapshot& succeeded);

  // When the first of those kept in this transaction will not be found any more.
  [[nodiscard]] std::optional<SteadyTime> first_expiry() const { return first_expiry_; }

  // Removal, at most so many rows. Returns how many.
  std::int64_t remove_expired(std::int64_t limit);
  std::int64_t remove_excess(std::int64_t limit);
  // When the next one expires.
  [[nodiscard]] std::optional<SteadyTime> next_expiry();

 private:
  using Sizes = std::vector<std::pair<std::int64_t, std::int64_t>>;  // seq and bytes
  [[nodiscard]] static Sizes read_sizes(Query& query);
  [[nodiscard]] std::int64_t size();
  void change_size(std::int64_t delta);
  std::int64_t remove(const Sizes& rows);
  // False: it is too big. The log is told of the first one of each type.
  [[nodiscard]] bool has_place_for(const api::TaskSnapshot& task, std::int64_t bytes);

  Statements& statements_;
  const std::atomic<std::int64_t>& max_bytes_;
  SteadyTime now_{};
  std::optional<SteadyTime> first_expiry_;
  std::set<std::string> told_too_big_;  // types
  // What this transaction has read: many starts of one batch ask for the same one, and it may be big.
  std::unordered_map<std::int64_t, CachedResultPtr> found_;
};

}  // namespace longhaul::storage
