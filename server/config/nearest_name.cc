#include "server/config/nearest_name.h"

#include <algorithm>
#include <vector>

namespace longhaul::server {
namespace {

std::string_view last_part(std::string_view dotted) {
  const auto dot = dotted.rfind('.');
  return dot == std::string_view::npos ? dotted : dotted.substr(dot + 1);
}

// Somebody who writes only the beginning of a name has hardly slipped.
std::size_t slips_of_tail(std::string_view written, std::string_view known) {
  constexpr std::size_t telling_letters = 3;
  if (written.size() >= telling_letters && written != known && known.starts_with(written)) return 1;
  return slips_between(written, known);
}

}  // namespace

std::size_t slips_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t other = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, other});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::optional<std::string> nearest_name(std::string_view written, std::span<const std::string> known) {
  std::optional<std::string> nearest;
  std::size_t fewest = 0;
  for (const std::string& name : known) {
    const std::string_view tail = last_part(name);
    const std::size_t whole_slips = slips_between(written, name);
    const std::size_t tail_slips = slips_of_tail(last_part(written), tail);
    // Measured by the last part alone: a section that both have in common says nothing about the name.
    const std::size_t forgiven = tail.size() / 3;
    if (tail_slips > forgiven && whole_slips > forgiven) continue;
    // A right last part in a wrong place is nearer than a wrong last part in the right one.
    const std::size_t slips = tail_slips * 100 + whole_slips;
    if (nearest && slips >= fewest) continue;
    nearest = name;
    fewest = slips;
  }
  return nearest;
}

}  // namespace longhaul::server
