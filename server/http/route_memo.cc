#include "server/http/route_memo.h"

#include <algorithm>

namespace longhaul::server {
namespace {

constexpr std::size_t shapes_max = 1024;
constexpr std::size_t key_bytes_max = 256;
// Patterns cannot have it as a word, for there it begins a parameter.
constexpr std::string_view any_value = ":";

}  // namespace

void split_segments(std::string_view path, std::vector<std::string_view>& out) {
  out.clear();
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    out.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
}

void RouteMemo::learn(std::string_view pattern) {
  split_segments(pattern, segments_);
  for (const std::string_view segment : segments_) {
    if (segment.empty() || segment.front() == ':' || is_word(segment)) continue;
    words_.insert(std::upper_bound(words_.begin(), words_.end(), segment), std::string(segment));
  }
}

bool RouteMemo::is_word(std::string_view segment) const {
  return std::binary_search(words_.begin(), words_.end(), segment);
}

std::optional<std::size_t> RouteMemo::find(std::string_view method, std::string_view path) {
  key_.clear();
  if (path.find('%') != std::string_view::npos) return std::nullopt;
  split_segments(path, segments_);
  key_.assign(method);
  for (const std::string_view segment : segments_) {
    key_.append("/").append(segment.empty() || is_word(segment) ? segment : any_value);
    if (key_.size() > key_bytes_max) {
      key_.clear();
      return std::nullopt;
    }
  }
  const auto found = routes_.find(key_);
  if (found == routes_.end()) return std::nullopt;
  return found->second;
}

void RouteMemo::remember(std::size_t route) {
  if (key_.empty()) return;
  if (routes_.size() >= shapes_max) routes_.clear();
  routes_.emplace(key_, route);
}

}  // namespace longhaul::server
