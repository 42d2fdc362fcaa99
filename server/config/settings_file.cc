#include "server/config/settings_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace longhaul::server {
namespace {

FileTable read_table(const toml::table& table);

SettingValue read_list(const toml::array& list) {
  TextList texts;
  NumberList numbers;
  for (const toml::node& element : list) {
    if (const auto* const text = element.as_string()) texts.push_back(text->get());
    if (element.is_number()) numbers.push_back(*element.value<double>());
  }
  if (texts.size() == list.size()) return texts;
  if (numbers.size() == list.size()) return numbers;
  return OtherValue{"a list that does not hold texts alone or numbers alone"};
}

std::variant<SettingValue, FileTable> read_node(const toml::node& node) {
  if (const auto* const table = node.as_table()) return read_table(*table);
  if (const auto* const list = node.as_array()) return read_list(*list);
  if (const auto* const text = node.as_string()) return SettingValue(text->get());
  if (const auto* const whole = node.as_integer()) return SettingValue(whole->get());
  if (const auto* const real = node.as_floating_point()) return SettingValue(real->get());
  if (const auto* const truth = node.as_boolean()) return SettingValue(truth->get());
  return SettingValue(OtherValue{"a date or time"});
}

FileTable read_table(const toml::table& table) {
  FileTable entries;
  for (const auto& [key, node] : table) {
    entries.push_back({std::string(key.str()), static_cast<int>(key.source().begin.line), read_node(node)});
  }
  // toml++ sorts by name; people read from top to bottom.
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
  return entries;
}

}  // namespace

SettingValue FileEntry::value() const {
  const FileTable* const entries = table();
  if (entries == nullptr) return std::get<SettingValue>(content);
  TextMap map;
  for (const FileEntry& entry : *entries) {
    const auto* const plain = std::get_if<SettingValue>(&entry.content);
    const auto* const text = plain == nullptr ? nullptr : std::get_if<std::string>(plain);
    if (text == nullptr) return OtherValue{"a table that holds something else than texts"};
    map.emplace_back(entry.name, *text);
  }
  return map;
}

base::Result<FileTable> read_settings_text(const std::string& text, const std::string& shown_path) {
  try {
    return read_table(toml::parse(text, shown_path));
  } catch (const toml::parse_error& error) {
    return base::fail(shown_path + ":" + std::to_string(error.source().begin.line) +
                      ": not TOML: " + std::string(error.description()));
  }
}

base::Result<FileTable> read_settings_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  int error = file.is_open() ? 0 : errno;
  std::string text;
  if (error == 0) {
    try {
      text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    } catch (const std::ios_base::failure&) {  // thrown by the stream's buffer, as for a folder
      error = errno;
    }
  }
  if (error != 0) return base::fail(path + ": cannot be read: " + std::generic_category().message(error));
  return read_settings_text(text, path);
}

}  // namespace longhaul::server
