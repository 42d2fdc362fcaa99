#include "server/cli/progress_bar.h"

#include <algorithm>
#include <cmath>

#include "server/cli/status_text.h"
#include "server/cli/terminal.h"

namespace longhaul::server {
namespace {

constexpr std::size_t widest_bar = 40;
constexpr std::size_t narrowest_bar = 10;
constexpr std::size_t message_room = 20;  // left to the message before the bar grows

std::string two_digits(long long number) { return (number < 10 ? "0" : "") + std::to_string(number); }

std::string bar_of(double percent, std::size_t width) {
  const auto full = static_cast<std::size_t>(percent / 100 * static_cast<double>(width));
  return "[" + std::string(full, '#') + std::string(width - full, '-') + "]";
}

std::string percent_text(double percent) {
  const std::string text = std::to_string(static_cast<long long>(percent));  // 100 is said at 100
  return std::string(text.size() < 3 ? 3 - text.size() : 0, ' ') + text + " %";
}

std::string shortened(const std::string& text, std::size_t width) {
  if (character_count(text) <= width) return text;
  return width < 4 ? std::string() : first_characters(text, width - 3) + "...";
}

}  // namespace

std::string clock_text(std::chrono::seconds elapsed) {
  const long long seconds = std::max<long long>(elapsed.count(), 0);
  const std::string tail = ":" + two_digits(seconds % 60);
  if (seconds < 3600) return std::to_string(seconds / 60) + tail;
  return std::to_string(seconds / 3600) + ":" + two_digits(seconds / 60 % 60) + tail;
}

std::string progress_bar(const JsonObject& status, std::chrono::seconds elapsed, std::size_t columns) {
  const std::string clock = "  " + clock_text(elapsed);
  const auto progress = status.object("progress");
  const auto percent = progress ? progress->number("percent") : std::nullopt;
  if (!percent) {
    const std::size_t room = columns > clock.size() ? columns - clock.size() : 0;
    return first_characters(shortened(progress_line(status), room) + clock, columns);
  }
  const double shown = std::clamp(*percent, 0.0, 100.0);
  std::string line = printable(status.text("status"));
  const std::string number = percent_text(shown);
  const std::string message = printable(progress->text("message"));
  const std::size_t kept = message.empty() ? 0 : std::min(character_count(message), message_room) + 2;
  const std::size_t taken = line.size() + 2 + 2 + number.size() + clock.size() + 2 + kept;
  if (columns >= taken + narrowest_bar) line += "  " + bar_of(shown, std::min(widest_bar, columns - taken));
  line += "  " + number;
  const std::size_t used = line.size() + clock.size() + 2;
  const std::string said = columns > used ? shortened(message, columns - used) : "";
  if (!said.empty()) line += "  " + said;
  if (character_count(line) + clock.size() <= columns) line += clock;
  return first_characters(line, columns);
}

}  // namespace longhaul::server
