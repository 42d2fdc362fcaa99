#include "server/cli/text_table.h"

#include <algorithm>

#include "server/cli/terminal.h"

namespace longhaul::server {
namespace {

constexpr std::size_t name_width = 12;

std::string padded(const std::string& text, std::size_t width) {
  const std::size_t wide = character_count(text);
  return text + std::string(width > wide ? width - wide : 0, ' ');
}

}  // namespace

std::string text_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], character_count(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool is_last = i + 1 == row.size();
      out += is_last ? printable(row[i]) + '\n' : padded(printable(row[i]), widths[i] + 2);
    }
  }
  return out;
}

std::string text_block(const NamedTexts& rows) {
  std::string out;
  for (const auto& [name, value] : rows) {
    if (!value.empty()) out += padded(name, name_width) + printable(value) + '\n';
  }
  return out;
}

std::string joined(const std::string& a, const std::string& b, const std::string& glue) {
  return a.empty() || b.empty() ? a + b : a + glue + b;
}

}  // namespace longhaul::server
