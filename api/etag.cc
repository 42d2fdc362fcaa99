// Entity tags, as RFC 9110 (sections 8.8.3 and 13.1.2) has them. Declared in task_json.h.
#include "api/task_json.h"

namespace longhaul::api {
namespace {

bool is_list_space(char c) { return c == ' ' || c == '\t' || c == ','; }

// What an entity tag may hold between its quotes.
bool is_tag_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0x21 || (byte >= 0x23 && byte != 0x7F);
}

// Takes the next tag off the front of a list, without its W/. Empty when there is none, or it is malformed.
std::string_view take_tag(std::string_view& list) {
  while (!list.empty() && is_list_space(list.front())) list.remove_prefix(1);
  if (list.starts_with("W/")) list.remove_prefix(2);
  if (!list.starts_with('"')) return {};
  std::size_t end = 1;
  while (end < list.size() && is_tag_char(list[end])) ++end;
  if (end == list.size() || list[end] != '"') return {};
  const std::string_view tag = list.substr(0, end + 1);
  list.remove_prefix(end + 1);
  return tag;
}

}  // namespace

std::string etag_of(std::int64_t revision) { return '"' + std::to_string(revision) + '"'; }

bool etag_matches(std::string_view if_none_match, std::int64_t revision) {
  const std::size_t first = if_none_match.find_first_not_of(" \t");
  if (first == std::string_view::npos) return false;
  if (if_none_match[first] == '*')
    return if_none_match.find_first_not_of(" \t", first + 1) == std::string_view::npos;
  const std::string wanted = etag_of(revision);
  for (std::string_view tag = take_tag(if_none_match); !tag.empty(); tag = take_tag(if_none_match)) {
    if (tag == wanted) return true;
  }
  return false;
}

}  // namespace longhaul::api
