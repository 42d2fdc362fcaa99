#include "server/streams/log_hub.h"

#include <algorithm>

#include "api/limits.h"
#include "api/task_json.h"
#include "server/streams/sse_stream.h"

namespace longhaul::server {
namespace {

// So many are given a piece before others get their turn on the loop.
constexpr std::size_t takers_in_a_slice = 64;

}  // namespace

LogPiece read_log_piece(storage::Store& store, const api::TaskId& id, std::int64_t after) {
  LogPiece piece;
  piece.last = after;
  // The task first: if it is over by then, its last line is in the page.
  api::TaskSnapshotPtr task = store.recent(id);
  if (task == nullptr) {
    auto found = store.find(id);
    if (!found || *found == nullptr) return piece;
    task = std::move(*found);
  }
  const auto page = store.find_logs(id, after, api::limits::log_piece_lines);
  if (!page || !*page) return piece;
  std::string events;
  for (const api::LogLine& line : (*page)->lines) {
    if (events.size() >= api::limits::log_piece_bytes) {
      piece.may_have_more = true;
      break;
    }
    events += sse_event(std::to_string(line.n), "log", api::log_line_json(line));
    piece.last = line.n;
  }
  piece.is_read = true;
  piece.events = std::make_shared<const std::string>(std::move(events));
  piece.may_have_more = piece.may_have_more || (*page)->lines.size() == api::limits::log_piece_lines;
  piece.is_final = api::is_final(task->state);
  piece.truncated = (*page)->truncated;
  return piece;
}

void LogHub::follow(const api::TaskId& id, LogFollower* follower) {
  const base::MutexLock lock(mutex_);
  by_task_[id].insert(follower);
}

void LogHub::leave(const api::TaskId& id, LogFollower* follower) {
  const base::MutexLock lock(mutex_);
  const auto found = by_task_.find(id);
  if (found == by_task_.end()) return;
  found->second.erase(follower);
  if (found->second.empty()) by_task_.erase(found);
}

bool LogHub::read(const api::TaskId& id, std::int64_t after, Take take) {
  const Place place(id, after);
  if (const auto under_way = reading_.find(place); under_way != reading_.end()) {
    under_way->second.push_back(std::move(take));
    return true;
  }
  const bool taken = readers_.try_post([this, place] {
    LogPiece piece = read_log_piece(store_, place.first, place.second);
    server_.post([this, place, piece = std::move(piece)] {
      auto ended = reading_.extract(place);
      hand_out(piece, std::move(ended.mapped()), 0);
    });
  });
  if (taken) reading_[place].push_back(std::move(take));
  return taken;
}

void LogHub::hand_out(const LogPiece& piece, std::vector<Take> takers, std::size_t from) {
  const std::size_t end = std::min(takers.size(), from + takers_in_a_slice);
  for (std::size_t i = from; i < end; ++i) takers[i](piece);
  if (end == takers.size()) return;
  server_.post(
      [this, piece, takers = std::move(takers), end]() mutable { hand_out(piece, std::move(takers), end); });
}

void LogHub::on_committed(std::span<const storage::TaskChange> changes) {
  Ids ended;
  {
    const base::MutexLock lock(mutex_);
    if (by_task_.empty()) return;
    for (const storage::TaskChange& change : changes) {
      if (api::is_final(change.task->state) && by_task_.contains(change.task->id))
        ended.push_back(change.task->id);
    }
  }
  tell(std::move(ended));
}

void LogHub::on_noted(std::span<const storage::NotedTask> noted) {
  Ids with_lines;
  {
    const base::MutexLock lock(mutex_);
    if (by_task_.empty()) return;
    for (const storage::NotedTask& one : noted) {
      if (one.log_lines > 0 && by_task_.contains(one.task->id)) with_lines.push_back(one.task->id);
    }
  }
  tell(std::move(with_lines));
}

void LogHub::tell(Ids ids) {
  if (ids.empty()) return;
  server_.post([this, ids = std::move(ids)] {
    for (const api::TaskId& id : ids) tell_followers_of(id);
  });
}

void LogHub::tell_followers_of(const api::TaskId& id) {
  std::vector<LogFollower*> followers;
  {
    const base::MutexLock lock(mutex_);
    const auto found = by_task_.find(id);
    if (found == by_task_.end()) return;
    followers.assign(found->second.begin(), found->second.end());
  }
  for (LogFollower* const follower : followers) follower->on_log_news();
}

}  // namespace longhaul::server
