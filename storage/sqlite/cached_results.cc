#include "storage/sqlite/cached_results.h"

#include <algorithm>

#include "api/limits.h"
#include "api/task_json.h"
#include "base/log.h"

namespace longhaul::storage {
namespace {

// Removed at most to make room for one. What is over then, after the limit was lowered, goes with retention.
constexpr std::int64_t rows_for_one = 4'096;
constexpr std::int64_t rows_at_a_time = 64;

Milliseconds age_of(const CachedRow& row, SteadyTime now) {
  return std::max(Milliseconds(0), std::chrono::duration_cast<Milliseconds>(now - row.made));
}

}  // namespace

std::optional<CachedRow> find_cached_row(Statements& statements, const std::string& type,
                                         const std::string& key, SteadyTime now) {
  Query query = statements.use("newest_cached_result");
  if (!query.bind(type, key, now).row()) return std::nullopt;
  return CachedRow{query.integer(0), SteadyTime(Milliseconds(query.integer(1))),
                   SteadyTime(Milliseconds(query.integer(2)))};
}

CachedResultPtr read_cached_result(Statements& statements, const CachedRow& row, SteadyTime now) {
  Query query = statements.use("cached_status");
  if (!query.bind(row.seq).row()) return nullptr;
  return std::make_shared<const CachedResult>(
      CachedResult{RawJson{std::string(query.text(0))}, age_of(row, now)});
}

void CachedResults::begin(SteadyTime now) {
  now_ = now;
  first_expiry_.reset();
  found_.clear();
}

CachedResultPtr CachedResults::find_fresh(const std::string& type, const api::CacheTerms& terms) {
  const auto row = find_cached_row(statements_, type, terms.key, now_);
  if (!row) return nullptr;
  if (const SteadyTime expires = row->made + terms.stale; expires > row->expires)
    statements_.use("extend_cached_result").bind(expires, row->seq).run();
  if (age_of(*row, now_) >= terms.fresh) return nullptr;
  CachedResultPtr& found = found_[row->seq];
  if (!found) found = read_cached_result(statements_, *row, now_);
  return found;
}

void CachedResults::keep(const api::TaskSnapshot& succeeded) {
  Query order = statements_.use("cache_order_of_task");
  if (!order.bind(succeeded.key).row()) return;
  const std::string key(order.text(0));
  const Milliseconds stale(order.integer(1));
  const std::string status = api::kept_status_json(succeeded);
  const auto bytes = static_cast<std::int64_t>(status.size() + key.size()) + cached_result_row_bytes;
  // The one before goes in any case: a later success must not be answered for by an earlier one.
  {
    Query before = statements_.use("cached_result_of_queue");
    before.bind(succeeded.type, key, succeeded.queue);
    const Sizes rows = read_sizes(before);
    remove(rows);
  }
  if (stale.count() == 0 || !has_place_for(succeeded, bytes)) return;
  for (std::int64_t removed = 0; removed < rows_for_one && size() + bytes > max_bytes_;) {
    Query oldest = statements_.use("oldest_cached_results");
    oldest.bind(0, 1);
    const Sizes rows = read_sizes(oldest);
    if (rows.empty()) break;
    removed += remove(rows);
  }
  const SteadyTime expires = now_ + stale;
  statements_.use("insert_cached_result")
      .bind(succeeded.type, key, succeeded.queue, now_, expires, bytes, status)
      .run();
  change_size(bytes);
  if (!first_expiry_ || expires < *first_expiry_) first_expiry_ = expires;
}

bool CachedResults::has_place_for(const api::TaskSnapshot& task, std::int64_t bytes) {
  const std::int64_t max_bytes = max_bytes_;
  if (max_bytes == 0) return false;
  const std::size_t result_bytes = task.result ? task.result->text.size() : 0;
  if (result_bytes <= api::limits::cached_result_bytes && bytes <= max_bytes / 4) return true;
  if (!told_too_big_.insert(task.type).second) return false;
  base::log_warning("a result is too big to be kept for starts to come (said once for each type)",
                    {{"task_id", task.id.text()},
                     {"type", task.type},
                     {"bytes", bytes},
                     {"max_bytes", std::min(max_bytes / 4, std::int64_t{api::limits::cached_result_bytes})}});
  return false;
}

std::int64_t CachedResults::remove_expired(std::int64_t limit) {
  Query expired = statements_.use("cached_results_expired_until");
  expired.bind(now_, limit);
  return remove(read_sizes(expired));
}

std::int64_t CachedResults::remove_excess(std::int64_t limit) {
  std::int64_t over = size() - max_bytes_;
  if (over <= 0) return 0;
  Sizes rows;
  {
    Query oldest = statements_.use("oldest_cached_results");
    oldest.bind(0, std::min(limit, rows_at_a_time));
    rows = read_sizes(oldest);
  }
  std::size_t enough = 0;
  while (enough < rows.size() && over > 0) over -= rows[enough++].second;
  rows.resize(enough);
  return remove(rows);
}

std::optional<SteadyTime> CachedResults::next_expiry() {
  Query query = statements_.use("first_cached_result_expiring_behind");
  if (!query.bind(now_).row()) return std::nullopt;
  return query.maybe_steady(0);
}

CachedResults::Sizes CachedResults::read_sizes(Query& query) {
  Sizes rows;
  while (query.row()) rows.emplace_back(query.integer(0), query.integer(1));
  return rows;
}

std::int64_t CachedResults::size() {
  Query query = statements_.use("cache_bytes");
  return query.bind().row() ? query.integer(0) : 0;
}

void CachedResults::change_size(std::int64_t delta) {
  statements_.use("change_cache_bytes").bind(delta).run_guarded();
}

std::int64_t CachedResults::remove(const Sizes& rows) {
  std::int64_t bytes = 0;
  for (const auto& [seq, size] : rows) {
    statements_.use("delete_cached_result").bind(seq).run();
    bytes += size;
  }
  if (bytes > 0) change_size(-bytes);
  return static_cast<std::int64_t>(rows.size());
}

}  // namespace longhaul::storage
