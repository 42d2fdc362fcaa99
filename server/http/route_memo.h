// Remembers where paths lead, by their shape. One routing costs cpp-httplib as much as the system takes to
// receive and to send, and is the same for all paths that differ only in segments which no pattern names:
// "/tasks/1" and "/tasks/2" both have the shape
// "/tasks/:" and lead to the same route, because a segment that is no pattern's word can only be a
// parameter's value.
//
// Exact, and bounded: there are few shapes, and when somebody makes up too many, all are forgotten. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace longhaul::server {

class RouteMemo {
 public:
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

  // Every pattern, before the first find().
  void learn(std::string_view pattern);

  // The number of the route, or `nobody`, if it has been remembered. Paths with escapes are never remembered.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view method, std::string_view path);
  // For the method and path of the last find().
  void remember(std::size_t route);
  // Of the path of the last find(), while that path lives: "/a/b" has "a" and "b".
  [[nodiscard]] std::string_view segment(std::size_t index) const { return segments_[index]; }

 private:
  [[nodiscard]] bool is_word(std::string_view segment) const;

  std::vector<std::string> words_;  // sorted
  std::unordered_map<std::string, std::size_t> routes_;
  std::string key_;  // method and shape of the last find(); empty when it is not to be remembered
  std::vector<std::string_view> segments_;
};

// "/a/:b" has "a" and ":b"; "/" has one empty segment.
void split_segments(std::string_view path, std::vector<std::string_view>& out);

}  // namespace longhaul::server
