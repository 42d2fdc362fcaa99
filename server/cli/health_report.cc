#include "server/cli/health_report.h"

#include <algorithm>

#include "api/json_writer.h"
#include "server/cli/terminal.h"

namespace longhaul::server {

std::string_view to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::fine: return "fine";
    case Verdict::notice: return "notice";
    case Verdict::wrong: return "wrong";
  }
  return "wrong";
}

bool is_healthy(const std::vector<Finding>& findings) {
  return std::ranges::none_of(findings, [](const Finding& one) { return one.verdict == Verdict::wrong; });
}

std::string table_of(const std::vector<Finding>& findings) {
  std::size_t width = 0;
  for (const Finding& one : findings) width = std::max(width, one.check.size());
  constexpr std::size_t verdict_width = 6;
  std::string out;
  for (const Finding& one : findings) {
    const std::string_view verdict = to_text(one.verdict);
    const std::string indent(verdict_width + width + 4, ' ');
    out += std::string(verdict) + std::string(verdict_width - verdict.size() + 2, ' ');
    out += one.check + std::string(width - one.check.size() + 2, ' ');
    for (std::size_t begin = 0; begin <= one.detail.size();) {
      const std::size_t end = std::min(one.detail.find('\n', begin), one.detail.size());
      out += (begin == 0 ? "" : indent) + printable(one.detail.substr(begin, end - begin)) + '\n';
      begin = end + 1;
    }
  }
  return out;
}

std::string json_of(const std::vector<Finding>& findings) {
  api::JsonWriter json;
  json.begin_object().key("healthy").boolean(is_healthy(findings)).key("checks").begin_array();
  for (const Finding& one : findings) {
    json.begin_object().key("check").string(one.check);
    json.key("verdict").string(to_text(one.verdict)).key("detail").string(printable(one.detail)).end_object();
  }
  json.end_array().end_object();
  return json.take();
}

}  // namespace longhaul::server
