// Makes the rows of setting_table.cc: one function for each kind of member, so that a row says its name, its
// limits and its meaning, and nothing about how text becomes a value. Pure; any thread. Only
// setting_table.cc and webhook_settings.cc include it.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "server/config/setting_table.h"

namespace longhaul::server::rows {

struct Range {
  double min;
  double max;
};

[[nodiscard]] inline std::string range_text(Range range) {
  return number_text(range.min) + " to " + number_text(range.max);
}

[[nodiscard]] inline base::Failure<base::Error> wrong(ValueKind kind, const std::string& accepts,
                                                      const SettingValue& value) {
  const std::string limits = accepts.empty() ? "" : " (" + accepts + ")";
  const auto* const real = std::get_if<double>(&value);
  if (real != nullptr && !std::isfinite(*real)) return base::fail("must be a finite number" + limits);
  return base::fail("must be a " + std::string(name_of(kind)) + limits + ", not " + describe(value));
}

// The number in a value if it is one within the range.
[[nodiscard]] inline std::optional<double> number_within(const SettingValue& value, Range range) {
  std::optional<double> number;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) number = static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value)) number = *real;
  if (!number || !std::isfinite(*number) || *number < range.min || *number > range.max) return std::nullopt;
  return number;
}

template <class Number>
struct NumberIn {
  using type = Number;
  static std::string show(Number number) { return std::to_string(number); }
};
template <class Number>
struct NumberIn<std::optional<Number>> {
  using type = Number;
  static std::string show(std::optional<Number> number) { return number ? std::to_string(*number) : "none"; }
};

template <class Target, class Member>
Setting<Target> whole_number(std::string_view section, std::string_view name, Member Target::*member,
                             Range range, std::string_view help) {
  using Number = typename NumberIn<Member>::type;
  const auto set = [member, range](Target& target, const SettingValue& value) -> base::Result<void> {
    const auto* const whole = std::get_if<std::int64_t>(&value);
    if (whole == nullptr || !number_within(value, range))
      return wrong(ValueKind::whole_number, range_text(range), value);
    target.*member = static_cast<Number>(*whole);
    return {};
  };
  const auto show = [member](const Target& target) { return NumberIn<Member>::show(target.*member); };
  return {section, name, ValueKind::whole_number, range_text(range), help, set, show};
}

[[nodiscard]] inline base::Milliseconds milliseconds_of(double seconds) {
  return base::Milliseconds(std::llround(seconds * 1000));
}
[[nodiscard]] inline std::string seconds_text(base::Milliseconds time) {
  return number_text(static_cast<double>(time.count()) / 1000);
}

template <class Target>
Setting<Target> seconds(std::string_view section, std::string_view name, base::Milliseconds Target::*member,
                        Range range, std::string_view help) {
  const auto set = [member, range](Target& target, const SettingValue& value) -> base::Result<void> {
    const auto number = number_within(value, range);
    if (!number) return wrong(ValueKind::seconds, range_text(range), value);
    target.*member = milliseconds_of(*number);
    return {};
  };
  const auto show = [member](const Target& target) { return seconds_text(target.*member); };
  return {section, name, ValueKind::seconds, range_text(range), help, set, show};
}

// A limit that can be taken away: 0 means none.
template <class Target>
Setting<Target> seconds_or_none(std::string_view section, std::string_view name,
                                std::optional<base::Milliseconds> Target::*member, Range range,
                                std::string_view help) {
  const std::string accepts = range_text(range) + "; 0: no limit";
  const auto set = [member, range, accepts](Target& target, const SettingValue& value) -> base::Result<void> {
    const auto number = number_within(value, {0, range.max});
    if (!number || (*number != 0 && *number < range.min)) return wrong(ValueKind::seconds, accepts, value);
    target.*member = *number == 0 ? std::optional<base::Milliseconds>() : milliseconds_of(*number);
    return {};
  };
  const auto show = [member](const Target& target) {
    return target.*member ? seconds_text(*(target.*member)) : std::string("0");
  };
  return {section, name, ValueKind::seconds, accepts, help, set, show};
}

// Text, lists and tables differ in what they accept: `take` turns the value into the member or complains.
template <class Target, class Value, class Take, class Show>
Setting<Target> special(std::string_view section, std::string_view name, ValueKind kind, std::string accepts,
                        std::string_view help, Take take, Show show) {
  const auto set = [kind, accepts, take](Target& target, const SettingValue& value) -> base::Result<void> {
    const auto* const typed = std::get_if<Value>(&value);
    if (typed == nullptr) return wrong(kind, accepts, value);
    return take(target, *typed);
  };
  return {section, name, kind, std::move(accepts), help, set, show};
}

}  // namespace longhaul::server::rows
