// What `longhaul doctor` finds: one line for each thing it looked at, for people and for machines. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace longhaul::server {

enum class Verdict : std::uint8_t {
  fine,
  notice,  // works, and somebody may want to know
  wrong,   // does not work, or will not
};
[[nodiscard]] std::string_view to_text(Verdict verdict);

struct Finding {
  std::string check;
  Verdict verdict = Verdict::fine;
  std::string detail;
};

[[nodiscard]] bool is_healthy(const std::vector<Finding>& findings);
// A line for each, aligned; ends with a newline.
[[nodiscard]] std::string table_of(const std::vector<Finding>& findings);
// {"healthy": true, "checks": [{"check", "verdict", "detail"}]}
[[nodiscard]] std::string json_of(const std::vector<Finding>& findings);

}  // namespace longhaul::server
