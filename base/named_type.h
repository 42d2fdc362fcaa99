// A number that cannot be mistaken for another one: NamedType<std::int64_t, struct TaskKeyTag>.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace longhaul::base {

template <class Value, class Tag>
class NamedType {
 public:
  constexpr NamedType() = default;
  constexpr explicit NamedType(Value value) : value_(value) {}
  [[nodiscard]] constexpr Value get() const { return value_; }
  friend constexpr auto operator<=>(const NamedType&, const NamedType&) = default;

 private:
  Value value_{};
};

}  // namespace longhaul::base

template <class Value, class Tag>
struct std::hash<longhaul::base::NamedType<Value, Tag>> {
  std::size_t operator()(const longhaul::base::NamedType<Value, Tag>& named) const noexcept {
    return std::hash<Value>{}(named.get());
  }
};
