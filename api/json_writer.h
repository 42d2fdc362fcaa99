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
  explicit JsonWriter(std::size_t expected_bytes) { out_.reserve(expected_bytes); }

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

  [[nodiscard]] std::string take() { return std::move(out_); }
  [[nodiscard]] const std::string& text() const { return out_; }

 private:
  void separate();
  void open(char bracket);
  void close(char bracket);
  std::string out_;
  int depth_ = 0;
  bool needs_comma_ = false;
};

}  // namespace longhaul::api
