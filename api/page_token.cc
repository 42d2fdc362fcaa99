#include "api/page_token.h"

#include <algorithm>
#include <type_traits>

#include "api/sealed_token.h"

namespace longhaul::api {
namespace {

static_assert(std::is_same_v<TokenPosition, TaskId::Bytes>);

Fingerprint fingerprint_of(const TaskFilter& filter) {
  Fingerprint fingerprint;
  fingerprint.add_number(filter.state ? static_cast<std::uint64_t>(*filter.state) + 1 : 0);
  fingerprint.add(filter.type);
  fingerprint.add(filter.queue);
  fingerprint.add(filter.created_after);
  fingerprint.add(filter.created_before);
  auto tags = filter.tags;  // all must match: their order means nothing
  std::sort(tags.begin(), tags.end());
  fingerprint.add_number(tags.size());
  for (const auto& [name, value] : tags) {
    fingerprint.add(std::string_view(name));
    fingerprint.add(std::string_view(value));
  }
  return fingerprint;
}

}  // namespace

std::string make_page_token(const TaskFilter& filter, const TaskId& continue_after) {
  return make_sealed_token(fingerprint_of(filter), continue_after.bytes());
}

std::optional<TaskId> read_page_token(const TaskFilter& filter, std::string_view token) {
  const auto position = read_sealed_token(fingerprint_of(filter), token);
  if (!position) return std::nullopt;
  return TaskId(*position);
}

}  // namespace longhaul::api
