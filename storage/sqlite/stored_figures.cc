#include "storage/sqlite/stored_figures.h"

#include <algorithm>
#include <unordered_set>

#include "storage/sqlite/file_space.h"

namespace longhaul::storage {
namespace {

// Steps from lane to lane, over all queues: some ten milliseconds. A queue has its share, but enough for some
// types with a few priorities each.
constexpr std::size_t lane_steps = 5'000;
constexpr std::size_t least_lane_steps = 50;
constexpr std::int64_t others_looked_at = 1'000;

struct LaneHead {
  std::string type;
  std::int64_t priority = 0;
  WallTime run_at;
};

std::optional<LaneHead> first_lane_behind(Statements& statements, const std::string& queue,
                                          const std::string& type) {
  Query query = statements.use("first_lane_behind_type");
  if (!query.bind(queue, type).row()) return std::nullopt;
  return LaneHead{std::string(query.text(0)), query.integer(1), query.wall(2)};
}

std::optional<LaneHead> next_lane(Statements& statements, const std::string& queue, const LaneHead& behind) {
  {
    Query query = statements.use("next_lane_of_type");
    if (query.bind(queue, behind.type, behind.priority).row())
      return LaneHead{behind.type, query.integer(0), query.wall(1)};
  }
  return first_lane_behind(statements, queue, behind.type);
}

std::optional<WallTime> oldest_due_in(Statements& statements, const std::string& queue, std::size_t steps) {
  std::optional<WallTime> oldest;
  auto lane = first_lane_behind(statements, queue, "");
  for (; lane && steps > 0; --steps) {
    oldest = oldest ? std::min(*oldest, lane->run_at) : lane->run_at;
    lane = next_lane(statements, queue, *lane);
  }
  return oldest;
}

std::optional<WallTime> oldest_due_besides(Statements& statements, const std::vector<std::string>& queues) {
  const std::unordered_set<std::string_view> known(queues.begin(), queues.end());
  std::optional<WallTime> oldest;
  Query query = statements.use("queued_by_creation");
  query.bind(others_looked_at);
  while (query.row()) {
    if (known.contains(query.text(0))) continue;
    oldest = oldest ? std::min(*oldest, query.wall(1)) : query.wall(1);
  }
  return oldest;
}

}  // namespace

StoredFigures read_stored_figures(Statements& statements, const std::vector<std::string>& queues) {
  StoredFigures figures;
  const std::size_t share = std::max(least_lane_steps, lane_steps / std::max<std::size_t>(1, queues.size()));
  for (const std::string& queue : queues)
    figures.oldest_due.push_back(oldest_due_in(statements, queue, share));
  figures.oldest_due_of_others = oldest_due_besides(statements, queues);
  const FileSpace space = read_file_space(statements);
  figures.free_bytes = static_cast<std::uint64_t>(space.free_pages * space.page_bytes);
  return figures;
}

std::int64_t count_owed_deliveries(Statements& statements) {
  Query query = statements.use("count_owed_deliveries");
  return query.bind().row() ? query.integer(0) : 0;
}

}  // namespace longhaul::storage
