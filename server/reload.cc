#include "server/reload.h"

#include <sstream>

#include "server/config/setting_table.h"
#include "storage/sqlite/database_lock.h"

namespace longhaul::server {
namespace {

constexpr std::string_view note_head = "reload ";
constexpr std::size_t note_text_bytes_max = storage::DatabaseLock::max_note_bytes - 256;

std::string file_name_of(const Setting<Settings>& setting) {
  return std::string(setting.section) + "." + std::string(setting.name);
}

bool differs(const Setting<Settings>& setting, const Settings& a, const Settings& b) {
  // A secret shows as nothing; there is one so far.
  if (setting.is_secret) return a.callback_secret != b.callback_secret;
  return setting.show(a) != setting.show(b);
}

// Names of both maps whose values are not the same.
template <class Map, class Equal>
void add_changed(std::vector<std::string>& out, std::string_view section, const Map& before, const Map& after,
                 Equal equal) {
  for (const auto& [name, value] : before) {
    const auto found = after.find(name);
    if (found == after.end() || !equal(value, found->second)) out.push_back(std::string(section) + name);
  }
  for (const auto& [name, value] : after) {
    if (!before.contains(name)) out.push_back(std::string(section) + name);
  }
}

}  // namespace

std::vector<std::string> waiting_for_restart(const Settings& running, const Settings& next) {
  std::vector<std::string> names;
  for (const auto& setting : server_settings()) {
    if (!setting.is_live() && differs(setting, running, next)) names.push_back(file_name_of(setting));
  }
  return names;
}

std::vector<std::string> taken_up(const Settings& running, const Settings& next) {
  std::vector<std::string> names;
  for (const auto& setting : server_settings()) {
    if (setting.is_live() && differs(setting, running, next)) names.push_back(file_name_of(setting));
  }
  const auto same_type = [](const worker::TaskTypePtr& a, const worker::TaskTypePtr& b) { return *a == *b; };
  const auto same_queue = [](const worker::QueueLimits& a, const worker::QueueLimits& b) { return a == b; };
  add_changed(names, "tasks.", running.types.all(), next.types.all(), same_type);
  add_changed(names, "queues.", running.types.queues(), next.types.queues(), same_queue);
  return names;
}

Settings merged(const Settings& running, const Settings& next) {
  Settings all = running;
  all.types = next.types;
  for (const auto& setting : server_settings()) {
    if (setting.is_live()) setting.take_over(all, next);
  }
  return all;
}

std::string to_text(const ReloadNote& note) {
  const std::string_view text = std::string_view(note.text).substr(0, note_text_bytes_max);
  return std::string(note_head) + std::to_string(note.started) + " " + std::to_string(note.count) +
         (note.taken ? " taken " : " refused ") + std::to_string(text.size()) + "\n" + std::string(text);
}

std::optional<ReloadNote> read_reload_note(std::string_view text) {
  if (!text.starts_with(note_head)) return std::nullopt;
  const std::size_t line_end = text.find('\n');
  if (line_end == std::string_view::npos) return std::nullopt;
  std::istringstream head{std::string(text.substr(note_head.size(), line_end - note_head.size()))};
  ReloadNote note;
  std::string word;
  std::size_t size = 0;
  if (!(head >> note.started >> note.count >> word >> size)) return std::nullopt;
  // Another length: it is being written, or was cut.
  note.text = text.substr(line_end + 1);
  if (note.text.size() != size) return std::nullopt;
  note.taken = word == "taken";
  return note;
}

}  // namespace longhaul::server
