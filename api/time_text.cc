#include "api/time_text.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace longhaul::api {
namespace {

using base::WallTime;
namespace chrono = std::chrono;

constexpr WallTime first_time{};
constexpr WallTime last_time =
    WallTime(chrono::sys_days(chrono::year(9999) / 12 / 31)) + chrono::days(1) - chrono::milliseconds(1);

template <std::size_t Width>
void put_digits(char* to, long value) {
  for (std::size_t i = Width; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
}

// Takes a text apart from left to right. Once something did not fit, nothing does.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // Exactly `width` digits.
  int digits(std::size_t width) {
    if (rest_.size() < width) return give_up();
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (!is_digit(rest_[i])) return give_up();
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(width);
    return value;
  }

  // One or more digits behind a point, as milliseconds, the rest cut. 0 without a point.
  int fraction_ms() {
    if (!take('.')) return 0;
    if (rest_.empty() || !is_digit(rest_.front())) return give_up();
    int value = 0;
    int weight = 100;
    for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1), weight /= 10) {
      value += weight * (rest_.front() - '0');
    }
    return value;
  }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) give_up();
  }
  void expect_either(char a, char b) {
    if (!take(a) && !take(b)) give_up();
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return rest_.empty() && !failed_; }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  int give_up() {
    failed_ = true;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool failed_ = false;
};

std::optional<chrono::minutes> scan_offset(Scanner& scanner) {
  if (scanner.take('Z') || scanner.take('z')) return chrono::minutes(0);
  const bool behind = scanner.take('-');
  if (!behind) scanner.expect('+');
  const int hours = scanner.digits(2);
  scanner.expect(':');
  const int minutes = scanner.digits(2);
  if (scanner.failed() || hours > 23 || minutes > 59) return std::nullopt;
  const chrono::minutes offset = chrono::hours(hours) + chrono::minutes(minutes);
  return behind ? -offset : offset;
}

}  // namespace

char* write_text(char* to, WallTime time) {
  time = std::clamp(time, first_time, last_time);
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const auto in_day = static_cast<long>((time - day).count());
  constexpr std::string_view zero = "0000-00-00T00:00:00.000Z";
  static_assert(zero.size() == time_text_length);
  std::copy(zero.begin(), zero.end(), to);
  put_digits<4>(to, static_cast<int>(date.year()));
  put_digits<2>(to + 5, static_cast<long>(static_cast<unsigned>(date.month())));
  put_digits<2>(to + 8, static_cast<long>(static_cast<unsigned>(date.day())));
  put_digits<2>(to + 11, in_day / 3'600'000);
  put_digits<2>(to + 14, in_day / 60'000 % 60);
  put_digits<2>(to + 17, in_day / 1'000 % 60);
  put_digits<3>(to + 20, in_day % 1'000);
  return to + time_text_length;
}

std::string to_text(WallTime time) {
  std::string text(time_text_length, '\0');
  write_text(text.data(), time);
  return text;
}

std::optional<WallTime> parse_time(std::string_view text) {
  Scanner scanner(text);
  const chrono::year year(scanner.digits(4));
  scanner.expect('-');
  const chrono::month month(static_cast<unsigned>(scanner.digits(2)));
  scanner.expect('-');
  const chrono::day day(static_cast<unsigned>(scanner.digits(2)));
  scanner.expect_either('T', 't');
  const int hour = scanner.digits(2);
  scanner.expect(':');
  const int minute = scanner.digits(2);
  scanner.expect(':');
  const int second = scanner.digits(2);
  const int millisecond = scanner.fraction_ms();
  const auto offset = scan_offset(scanner);
  if (!scanner.at_end() || !offset) return std::nullopt;

  const chrono::year_month_day date(year, month, day);
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const WallTime start_of_minute =
      WallTime(chrono::sys_days(date)) + chrono::hours(hour) + chrono::minutes(minute) - *offset;
  WallTime time = start_of_minute + chrono::seconds(second);
  if (second == 60) {
    // Leap seconds are put in at the end of a day in UTC, nowhere else.
    if (time != chrono::floor<chrono::days>(time)) return std::nullopt;
  } else {
    time += chrono::milliseconds(millisecond);
  }
  if (time < first_time || time > last_time) return std::nullopt;
  return time;
}

}  // namespace longhaul::api
