// Reads a TOML file into tables, names and values, each with its line, and knows nothing of what they mean.
// toml++ does the reading; only settings_file.cc includes it. Pure values; any thread.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "server/config/setting_value.h"

namespace longhaul::server {

struct FileEntry;
using FileTable = std::vector<FileEntry>;  // in the order of the file

struct FileEntry {
  std::string name;
  int line = 0;
  std::variant<SettingValue, FileTable> content;

  [[nodiscard]] const FileTable* table() const { return std::get_if<FileTable>(&content); }
  // Also of a table of texts only, which is how a map is written; another table is an OtherValue.
  [[nodiscard]] SettingValue value() const;
};

// Errors: "FILE: cannot be read: ..." and "FILE:LINE: ..." for what is not TOML.
[[nodiscard]] base::Result<FileTable> read_settings_file(const std::string& path);
[[nodiscard]] base::Result<FileTable> read_settings_text(const std::string& text,
                                                         const std::string& shown_path);

}  // namespace longhaul::server
