#include "server/routes/prefer_wait.h"

#include <charconv>
#include <string>
#include <string_view>

#include "api/limits.h"
#include "server/auth/ascii.h"
#include "server/http/token_chars.h"

namespace longhaul::server {
namespace {

// Reads the value of one Prefer line from left to right.
class PreferenceCursor {
 public:
  explicit PreferenceCursor(std::string_view text) : rest_(text) {}

  // Moves on to the next preference that is well-formed; false at the end.
  [[nodiscard]] bool next() {
    while (true) {
      skip([](char c) { return is_blank(c) || c == ','; });
      if (rest_.empty()) return false;
      if (read_preference()) return true;
      skip_preference();
    }
  }
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] const std::string& value() const { return value_; }  // empty and absent are the same

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t'; }
  static bool is_of_token(char c) { return token_bytes[static_cast<unsigned char>(c)]; }

  template <class Is>
  std::string_view skip(Is is) {
    std::size_t count = 0;
    while (count < rest_.size() && is(rest_[count])) ++count;
    const std::string_view skipped = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return skipped;
  }
  void skip_blanks() { skip(is_blank); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool read_preference() {
    if (!read_pair(name_, value_)) return false;
    skip_blanks();
    while (take(';')) {
      skip_blanks();
      std::string_view name;
      std::string value;
      if (!rest_.empty() && is_of_token(rest_.front()) && !read_pair(name, value)) return false;
      skip_blanks();
    }
    return rest_.empty() || rest_.front() == ',';
  }

  // token [ BWS "=" BWS word ]
  bool read_pair(std::string_view& name, std::string& value) {
    value.clear();
    name = skip(is_of_token);
    if (name.empty()) return false;
    skip_blanks();
    if (!take('=')) return true;
    skip_blanks();
    if (take('"')) return read_quoted(value);
    value = skip(is_of_token);
    return true;
  }

  bool read_quoted(std::string& value) {
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\') {
        value += c;
      } else if (!rest_.empty()) {
        value += rest_.front();
        rest_.remove_prefix(1);
      }
    }
    return false;
  }

  // To the comma behind what could not be read; commas within quotes are none.
  void skip_preference() {
    std::string ignored;
    while (!rest_.empty() && rest_.front() != ',') {
      if (!take('"')) {
        rest_.remove_prefix(1);
      } else {
        static_cast<void>(read_quoted(ignored));
      }
    }
  }

  std::string_view rest_;
  std::string_view name_;
  std::string value_;
};

std::optional<base::Milliseconds> whole_seconds(std::string_view text) {
  int seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool is_number =
      read.ec == std::errc() && read.ptr == text.data() + text.size() && text.front() != '-';
  if (!is_number || seconds > static_cast<int>(api::limits::wait_seconds_max)) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

std::optional<base::Milliseconds> preferred_wait(const Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (!equal_ignoring_case(name, "Prefer")) continue;
    PreferenceCursor preference(value);
    while (preference.next()) {
      if (equal_ignoring_case(preference.name(), "wait")) return whole_seconds(preference.value());
    }
  }
  return std::nullopt;
}

}  // namespace longhaul::server
