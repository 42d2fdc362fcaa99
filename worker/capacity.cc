#include "worker/capacity.h"

#include <cassert>

namespace longhaul::worker {
namespace {

std::int64_t count_of(const std::map<std::string, std::int64_t, std::less<>>& counts, std::string_view name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

void add(std::map<std::string, std::int64_t, std::less<>>& counts, std::string_view name) {
  const auto found = counts.find(name);
  if (found == counts.end()) {
    counts.emplace(name, 1);
  } else {
    ++found->second;
  }
}

void subtract(std::map<std::string, std::int64_t, std::less<>>& counts, std::string_view name) {
  const auto found = counts.find(name);
  assert(found != counts.end() && "released a slot that was not reserved");
  if (found == counts.end()) return;
  if (--found->second == 0) counts.erase(found);
}

}  // namespace

void Capacity::set_places(TaskKind kind, std::size_t places) {
  places_of(kind).total = static_cast<std::int64_t>(places);
}

bool Capacity::queue_has_room(std::string_view queue) const {
  return count_of(by_queue_, queue) < queue_limit(queue);
}

TaskTypePtr Capacity::served_type(std::string_view name) const {
  auto type = types_->find(name);
  return type != nullptr && places_of(type->kind).total > 0 ? type : nullptr;
}

bool Capacity::type_has_room(const TaskType& type) const {
  if (!executor_has_room(type.kind)) return false;
  return !type.concurrency || count_of(by_type_, type.name) < *type.concurrency;
}

bool Capacity::executor_has_room(TaskKind kind) const {
  const Places& places = places_of(kind);
  return places.held < places.total;
}

bool Capacity::has_room() const {
  return executor_has_room(TaskKind::builtin) || executor_has_room(TaskKind::command);
}

void Capacity::reserve(std::string_view queue, const TaskType& type) {
  add(by_queue_, queue);
  add(by_type_, type.name);
  ++places_of(type.kind).held;
}

void Capacity::release(std::string_view queue, const TaskType& type) {
  subtract(by_queue_, queue);
  subtract(by_type_, type.name);
  --places_of(type.kind).held;
}

std::int64_t Capacity::held_by_queue(std::string_view queue) const { return count_of(by_queue_, queue); }
std::int64_t Capacity::held_by_type(std::string_view type) const { return count_of(by_type_, type); }
std::int64_t Capacity::places(TaskKind kind) const { return places_of(kind).total; }

const Capacity::Places& Capacity::places_of(TaskKind kind) const {
  return kind == TaskKind::builtin ? threads_ : commands_;
}
Capacity::Places& Capacity::places_of(TaskKind kind) {
  return kind == TaskKind::builtin ? threads_ : commands_;
}

}  // namespace longhaul::worker
