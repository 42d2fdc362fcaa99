#include "server/streams/event.h"

#include <array>
#include <charconv>
#include <system_error>

namespace longhaul::server {
namespace {

template <class Number>
bool read_number(std::string_view text, Number& number, int base) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return !text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size();
}

}  // namespace

std::string to_text(const EventId& id) {
  std::array<char, 8> epoch{};
  const auto end = std::to_chars(epoch.data(), epoch.data() + epoch.size(), id.epoch, 16).ptr;
  return std::string(epoch.data(), end) + "-" + std::to_string(id.number) + "-" + std::to_string(id.revision);
}

std::optional<EventId> parse_event_id(std::string_view text) {
  const std::size_t first = text.find('-');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('-', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  EventId id;
  const bool is_sound = read_number(text.substr(0, first), id.epoch, 16) &&
                        read_number(text.substr(first + 1, second - first - 1), id.number, 10) &&
                        read_number(text.substr(second + 1), id.revision, 10) && id.revision >= 0;
  if (!is_sound) return std::nullopt;
  return id;
}

bool is_news(const Event& event, const api::TaskSnapshot& known) {
  if (event.task->revision != known.revision) return event.task->revision > known.revision;
  if (event.kind == EventKind::state || !event.task->progress) return false;
  return !known.progress || event.task->progress->updated_at > known.progress->updated_at;
}

}  // namespace longhaul::server
