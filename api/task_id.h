// The id of a task: a UUIDv7 (RFC 9562, section 5.7), lower-case text outside, 16 bytes inside. Ids sort by
// creation time. A value: copy it freely, from any thread.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace longhaul::api {

class TaskId {
 public:
  static constexpr std::size_t byte_count = 16;
  using Bytes = std::array<std::uint8_t, byte_count>;

  TaskId() = default;
  explicit TaskId(const Bytes& bytes) : bytes_(bytes) {}

  // From the text form, strictly: 36 lower-case characters, version 7, RFC variant. Else nothing.
  [[nodiscard]] static std::optional<TaskId> parse(std::string_view text);

  // `time` in milliseconds since 1970; `sequence` fills the 12 bits after it (its low bits), `random` the
  // rest.
  [[nodiscard]] static TaskId make(std::chrono::milliseconds time, std::uint16_t sequence,
                                   std::uint64_t random);

  // The smallest id of that millisecond: turns a time into the edge of a range of ids.
  [[nodiscard]] static TaskId first_of(std::chrono::milliseconds time) { return make_edge(time); }

  [[nodiscard]] std::string text() const;
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] std::chrono::milliseconds time() const;

  friend auto operator<=>(const TaskId&, const TaskId&) = default;

 private:
  [[nodiscard]] static TaskId make_edge(std::chrono::milliseconds time);
  Bytes bytes_{};
};

}  // namespace longhaul::api

template <>
struct std::hash<longhaul::api::TaskId> {
  std::size_t operator()(const longhaul::api::TaskId& id) const noexcept {
    std::uint64_t tail = 0;
    std::uint64_t head = 0;
    std::memcpy(&head, id.bytes().data(), sizeof head);
    std::memcpy(&tail, id.bytes().data() + sizeof head, sizeof tail);
    return static_cast<std::size_t>(tail ^ (head * 0x9E3779B97F4A7C15ULL));
  }
};
