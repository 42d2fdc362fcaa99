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
  // A reference where the named one stays, so that what looks at it later (a statement's parameter) finds it there.
  [[nodiscard]] constexpr const Value& get() const& { return value_; }
  [[nodiscard]] constexpr Value get() && { return value_; }
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
