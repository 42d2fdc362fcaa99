#include "api/json_reader.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "api/json_number.h"
#include "api/json_scanner.h"
#include "api/limits.h"
#include "api/utf8.h"

namespace longhaul::api {
namespace {

constexpr std::size_t usual_names = 16;
constexpr std::size_t usual_depth = 8;
constexpr std::size_t shown_name_chars = 64;
constexpr std::size_t shown_expectation_chars = 40;

// Feeds the parser and leaves behind how far it has come, which the parser tells only with its own errors.
class PlainFeed {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  PlainFeed(const char* at, const char* /*end*/, const char** seen) : at_(at), seen_(seen) {}
  reference operator*() const { return *at_; }
  PlainFeed& operator++() {
    *seen_ = ++at_;
    return *this;
  }
  friend bool operator!=(const PlainFeed& a, const PlainFeed& b) { return a.at_ != b.at_; }

 private:
  const char* at_;
  const char** seen_;
};

// The parser turns numbers into doubles and refuses those that do not fit, like 1e400. To us they are text,
// and fine: this feed shows the parser smaller ones of the same form, with at most 18 digits in a row and all
// digits of an exponent zero. Whatever is well-formed stays so, and whatever is not does not become it.
class TamedNumbersFeed {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TamedNumbersFeed(const char* at, const char* end, const char** seen) : at_(at), end_(end), seen_(seen) {
    show();
  }
  reference operator*() const { return shown_; }
  TamedNumbersFeed& operator++() {
    ++at_;
    *seen_ = at_;
    show();
    return *this;
  }
  friend bool operator!=(const TamedNumbersFeed& a, const TamedNumbersFeed& b) { return a.at_ != b.at_; }

 private:
  static constexpr int digits_shown = 18;

  void show() {
    for (; at_ != end_; ++at_) {
      shown_ = *at_;
      if (in_string_) return step_in_string();
      const bool is_digit = shown_ >= '0' && shown_ <= '9';
      if (!is_digit) return step_outside();
      if (in_exponent_) shown_ = '0';
      if (in_exponent_ || ++digits_ <= digits_shown) return;
    }
  }
  void step_in_string() {
    if (escaped_) {
      escaped_ = false;
    } else if (shown_ == '\\') {
      escaped_ = true;
    } else if (shown_ == '"') {
      in_string_ = false;
    }
  }
  void step_outside() {
    if (in_exponent_ && (shown_ == '+' || shown_ == '-')) return;
    in_exponent_ = digits_ > 0 && (shown_ == 'e' || shown_ == 'E');
    if (!in_exponent_) digits_ = 0;
    in_string_ = shown_ == '"';
  }

  const char* at_;
  const char* end_;
  const char** seen_;
  char shown_ = 0;
  int digits_ = 0;
  bool in_exponent_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
};

std::string position_text(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return "line " + std::to_string(line) + ", column " + std::to_string(before.size() - line_start + 1);
}

// What is wrong, in the parser's words, without its name for itself and without the client's own text.
std::string reason_of(std::string_view what) {
  const std::size_t begin = what.find("syntax error ");
  if (begin == std::string_view::npos) return "it cannot be read";
  what.remove_prefix(begin + std::string_view("syntax error ").size());
  const std::size_t quoted = what.find("; last read: '");
  if (quoted == std::string_view::npos) return std::string(what);

  std::string reason(what.substr(0, quoted));
  const std::size_t expected = what.rfind("'; expected ");
  const bool has_expectation =
      expected != std::string_view::npos && what.size() - expected <= shown_expectation_chars;
  if (has_expectation) reason += what.substr(expected + 1);
  return to_utf8(reason);
}

// Takes the parser's events: nothing is built, only depth and names are watched.
class Inspector {
 public:
  // `parser_counts_all`: the parser was shown every character, so that its own count of them holds.
  Inspector(std::string_view text, const char* const* seen, bool parser_counts_all)
      : text_(text), seen_(seen), parser_counts_all_(parser_counts_all) {
    names_.reserve(usual_names);
    first_names_.reserve(usual_depth);
  }

  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] bool number_overflowed() const { return number_overflowed_; }

  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_integer(nlohmann::json::number_integer_t) { return true; }
  bool number_unsigned(nlohmann::json::number_unsigned_t) { return true; }
  bool number_float(nlohmann::json::number_float_t, const std::string&) { return true; }
  bool string(std::string&) { return true; }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(std::size_t) {
    first_names_.push_back(names_.size());
    return go_deeper();
  }
  bool key(std::string& name) {
    names_.push_back(name);
    return true;
  }
  bool end_object() {
    --depth_;
    const auto first = names_.begin() + static_cast<std::ptrdiff_t>(first_names_.back());
    std::sort(first, names_.end());
    const auto twice = std::adjacent_find(first, names_.end());
    if (twice != names_.end()) {
      return stop("member \"" + std::string(first_chars(*twice, shown_name_chars)) +
                  "\" is there twice in the object that ends");
    }
    names_.erase(first, names_.end());
    first_names_.pop_back();
    return true;
  }
  bool start_array(std::size_t) { return go_deeper(); }
  bool end_array() {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) {
    constexpr int number_overflow = 406;
    number_overflowed_ = error.id == number_overflow;
    // The parser may have looked one character ahead; its position allows for that.
    const std::size_t offset = parser_counts_all_ && position > 0 ? position - 1 : last_read();
    fault_ = "The body is not JSON: " + position_text(text_, offset) + ": " + reason_of(error.what()) + ".";
    return false;
  }

 private:
  [[nodiscard]] std::size_t last_read() const {
    const auto read = static_cast<std::size_t>(*seen_ - text_.data());
    return read == 0 ? 0 : read - 1;
  }
  bool go_deeper() {
    if (++depth_ <= limits::json_depth) return true;
    return stop("it is nested more than " + std::to_string(limits::json_depth) + " deep");
  }
  bool stop(const std::string& what) {
    fault_ = "The body is not acceptable JSON: " + what + " at " + position_text(text_, last_read()) + ".";
    return false;
  }

  std::string_view text_;
  const char* const* seen_;
  bool parser_counts_all_;
  std::size_t depth_ = 0;
  std::vector<std::string> names_;  // of all open objects, the innermost last
  std::vector<std::size_t> first_names_;
  std::string fault_;
  bool number_overflowed_ = false;
};

struct Inspection {
  bool ok = false;
  bool number_overflowed = false;
  std::string fault;
};

template <class Feed>
Inspection inspect_with(std::string_view text) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const char* seen = begin;
  Inspector inspector(text, &seen, std::is_same_v<Feed, PlainFeed>);
  const bool ok = nlohmann::json::sax_parse(Feed(begin, end, &seen), Feed(end, end, &seen), &inspector);
  return {ok, inspector.number_overflowed(), inspector.fault()};
}

// Empty when `text` is acceptable, else what is wrong with it.
std::string inspect(std::string_view text) {
  if (text.empty()) return "The body is empty; JSON was expected.";
  if (text.starts_with("\xEF\xBB\xBF")) {
    return "The body is not JSON: it begins with a byte order mark, which JSON must not have (RFC 8259, "
           "section 8.1).";
  }
  // To the parser this would be the end of the text.
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) {
    return "The body is not JSON: " + position_text(text, nul) + ": a NUL byte.";
  }
  Inspection inspection = inspect_with<PlainFeed>(text);
  if (inspection.number_overflowed) inspection = inspect_with<TamedNumbersFeed>(text);
  return inspection.ok ? std::string() : inspection.fault;
}

}  // namespace

Checked<RawJson> read_json(std::string_view text) {
  std::string fault = inspect(text);
  if (!fault.empty()) return refuse(ErrorCode::malformed_json, std::move(fault));
  return RawJson{without_white_space(text)};
}

bool is_json(std::string_view text) { return inspect(text).empty(); }

JsonKind kind_of(const RawJson& json) { return kind_of(std::string_view(json.text)); }

std::vector<std::pair<std::string, RawJson>> members_of(const RawJson& object) {
  std::vector<std::pair<std::string, RawJson>> members;
  MemberCursor cursor(object.text);
  while (cursor.next())
    members.emplace_back(std::string(cursor.name()), RawJson{std::string(cursor.value())});
  return members;
}

std::vector<RawJson> elements_of(const RawJson& array) {
  std::vector<RawJson> elements;
  ElementCursor cursor(array.text);
  while (cursor.next()) elements.push_back(RawJson{std::string(cursor.value())});
  return elements;
}

std::optional<std::string> string_of(const RawJson& json) { return string_of(std::string_view(json.text)); }

std::optional<double> number_of(const RawJson& json) {
  if (kind_of(json) != JsonKind::number) return std::nullopt;
  return nearest_double(json.text);
}

std::optional<std::int64_t> integer_of(const RawJson& json) {
  if (kind_of(json) != JsonKind::number) return std::nullopt;
  return exact_integer(decimal_of(json.text));
}

std::optional<bool> boolean_of(const RawJson& json) {
  if (kind_of(json) != JsonKind::boolean) return std::nullopt;
  return json.text == "true";
}

}  // namespace longhaul::api
