// Remembers where paths lead. Routing is a pure function of method and path, clients poll the same few paths
// again and again, and cpp-httplib takes as long for one routing as the system takes to receive and send: so
// each answer of its router is kept until another path falls into the same place. Bounded; exact, for the
// whole text is compared. Not thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longhaul::server {

template <class Route>
class RouteMemo {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  struct Entry {
    std::string method;
    std::string path;
    const Route* route = nullptr;
    Parameters parameters;
  };

  // Null when not remembered.
  [[nodiscard]] const Entry* find(std::string_view method, std::string_view path) const {
    if (entries_.empty()) return nullptr;
    const Entry& entry = entries_[place_of(method, path)];
    return entry.route != nullptr && entry.path == path && entry.method == method ? &entry : nullptr;
  }

  void remember(std::string_view method, std::string_view path, const Route& route,
                const Parameters& parameters) {
    if (path.size() > path_bytes_max) return;
    if (entries_.empty()) entries_.resize(places);
    Entry& entry = entries_[place_of(method, path)];
    entry.method.assign(method);
    entry.path.assign(path);
    entry.route = &route;
    entry.parameters = parameters;
  }

 private:
  static constexpr std::size_t places = 4096;  // 0.4 MiB, and 1.3 MiB at most with the texts
  static constexpr std::size_t path_bytes_max = 128;

  static std::size_t place_of(std::string_view method, std::string_view path) {
    return (std::hash<std::string_view>{}(path) ^ method.size()) % places;
  }

  std::vector<Entry> entries_;
};

}  // namespace longhaul::server
