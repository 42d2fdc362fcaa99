// Aligned text for people: tables, and blocks of named values. What others wrote in it (names, URLs, messages) never steers a
// terminal. Pure; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace longhaul::server {

// One row a line, the head first; columns as wide as they need to be. All rows have as many cells as the first. Ends with a
// newline.
[[nodiscard]] std::string text_table(const std::vector<std::vector<std::string>>& rows);

using NamedTexts = std::vector<std::pair<std::string, std::string>>;
// One "name  value" a line, names of at most 11 characters; empty values are left out. Ends with a newline.
[[nodiscard]] std::string text_block(const NamedTexts& rows);

// Both with `glue` between them, or the one that there is.
[[nodiscard]] std::string joined(const std::string& a, const std::string& b, const std::string& glue);

}  // namespace longhaul::server
