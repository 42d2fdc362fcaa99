// Writes JSON text from left to right, so that values kept as text (payload, result) go out with the digits
// they came in with. The caller keeps the order sound (key before value, every begin ended); assertions watch
// it. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/task.h"

namespace longhaul::api {

class JsonWriter {
 public:
  JsonWriter() = default;
  // `expected_bytes` of output are reserved at once: for texts that are written often.
  explicit JsonWriter(std::size_t expected_bytes) { out_.resize(expected_bytes); }

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);  // escaped like every string

  JsonWriter& string(std::string_view text);  // must be valid UTF-8
  JsonWriter& number(std::int64_t value);
  JsonWriter& number(double value);  // shortest text that reads back the same; not finite becomes null
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  JsonWriter& raw(const RawJson& json);
  JsonWriter& raw(std::string_view json);  // one JSON value, as RawJson holds it
  JsonWriter& time(WallTime value);        // RFC 3339, UTC, milliseconds

  [[nodiscard]] std::string take();
  [[nodiscard]] std::string_view text() const { return std::string_view(out_).substr(0, size_); }

 private:
  [[nodiscard]] char* room(std::size_t bytes);
  [[nodiscard]] char* begin(std::size_t bytes);
  void end_at(const char* end);
  void put_quoted(std::string_view text);
  void put_between_quotes(std::string_view text);
  template <class Number>
  void put_number(Number value);
  void open(char bracket);
  void close(char bracket);

  std::string out_;       // longer than what has been written: a piece costs a copy, not a call of append()
  std::size_t size_ = 0;  // what has been written
  int depth_ = 0;
  bool needs_comma_ = false;
};

}  // namespace longhaul::api
