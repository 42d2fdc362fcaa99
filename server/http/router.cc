#include "server/http/router.h"

#include <httplib.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

#include "server/http/route_memo.h"
#include "server/http/token_chars.h"

namespace longhaul::server {
namespace {

// cpp-httplib compiles a pattern without parameters into a regular expression, which is slow and recursive.
// So each of ours gets a parameter in front, and each path something to fill it with.
constexpr std::string_view pattern_prefix = "/:root";
constexpr std::string_view path_prefix = "/-";

// An encoded slash belongs to its segment (RFC 3986, section 2.2), but the router matches decoded paths. It
// sees this byte instead, which no path holds: the framer replaces encoded control characters.
constexpr char encoded_slash = '\x01';

constexpr std::array methods{std::string_view("DELETE"),  std::string_view("GET"),
                             std::string_view("OPTIONS"), std::string_view("PATCH"),
                             std::string_view("POST"),    std::string_view("PUT")};

// A request of which all is there, for cpp-httplib to read; what it writes is dropped.
class WholeRequest final : public httplib::Stream {
 public:
  explicit WholeRequest(std::string_view text) : text_(text) {}
  bool is_readable() const override { return !text_.empty(); }
  bool wait_readable() const override { return true; }
  bool wait_writable() const override { return true; }
  ssize_t read(char* out, std::size_t size) override {
    const std::size_t count = std::min(size, text_.size());
    std::copy_n(text_.data(), count, out);
    text_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* /*bytes*/, std::size_t size) override { return static_cast<ssize_t>(size); }
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }
  time_t duration() const override { return 0; }

 private:
  std::string_view text_;
};

bool is_plain(unsigned char c) {
  return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
}

void append_encoded(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  if (is_plain(byte)) {
    out.push_back(c);
  } else {
    out.push_back('%');
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
}

// The same path has the same text afterwards, whatever its client chose to encode.
void append_canonical(std::string& out, std::string_view encoded) {
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    char c = encoded[i];
    if (c == '%' && i + 2 < encoded.size()) {
      c = static_cast<char>(hex_value(encoded[i + 1]) * 16 + hex_value(encoded[i + 2]));
      i += 2;
      if (c == '/') c = encoded_slash;
    }
    append_encoded(out, c);
  }
}

// A ":name" of a pattern, and which of its segments that is.
struct Parameter {
  std::string name;
  std::size_t position;
};

std::vector<Parameter> parameters_of(std::string_view pattern) {
  std::vector<std::string_view> segments;
  split_segments(pattern, segments);
  std::vector<Parameter> out;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (!segments[i].empty() && segments[i].front() == ':')
      out.push_back({std::string(segments[i].substr(1)), i});
  }
  return out;
}

bool is_routed(std::string_view method, std::string_view encoded_path) {
  if (encoded_path.empty() || encoded_path.front() != '/') return false;
  return method == "HEAD" || std::find(methods.begin(), methods.end(), method) != methods.end();
}

}  // namespace

class Router::Routes final : private httplib::Server {
 public:
  Routes() {
    set_header_writer(
        [](httplib::Stream& /*stream*/, httplib::Headers& /*headers*/) -> ssize_t { return 1; });
  }

  void add(std::string_view method, std::string_view pattern, server::Handler handler) {
    if (pattern.empty() || pattern.front() != '/') throw std::invalid_argument("a pattern must begin with /");
    if (std::find(methods.begin(), methods.end(), method) == methods.end()) {
      throw std::invalid_argument("routes cannot have the method " + std::string(method));
    }
    routes_.push_back(
        {std::string(method), std::string(pattern), parameters_of(pattern), std::move(handler)});
    memo_.learn(pattern);
  }

  void freeze() {
    std::stable_sort(routes_.begin(), routes_.end(), [](const Route& a, const Route& b) {
      return a.parameters.size() < b.parameters.size();
    });
    for (std::size_t i = 0; i < routes_.size(); ++i) {
      const Route& route = routes_[i];
      const std::string pattern = std::string(pattern_prefix) + route.pattern;
      auto matched = [this, i](const httplib::Request& request, httplib::Response& /*response*/) {
        match(i, request);
      };
      if (route.method == "GET") Get(pattern, matched);
      if (route.method == "POST") Post(pattern, matched);
      if (route.method == "PUT") Put(pattern, matched);
      if (route.method == "PATCH") Patch(pattern, matched);
      if (route.method == "DELETE") Delete(pattern, matched);
      if (route.method == "OPTIONS") Options(pattern, matched);
    }
  }

  bool dispatch(Request& request, std::string_view encoded_path, const Run& run) {
    const std::size_t route = lead(request.method, encoded_path, request.path_parameters);
    if (route == RouteMemo::nobody) return false;
    run(routes_[route].handler, request);
    return true;
  }

  std::string allowed_methods(std::string_view encoded_path) {
    std::vector<std::string_view> allowed;
    PathParameters unused;
    for (const std::string_view method : methods) {
      if (lead(method, encoded_path, unused) == RouteMemo::nobody) continue;
      allowed.push_back(method);
      if (method == "GET") allowed.emplace_back("HEAD");
    }
    if (allowed.empty()) return {};
    if (std::find(allowed.begin(), allowed.end(), "OPTIONS") == allowed.end())
      allowed.emplace_back("OPTIONS");
    std::sort(allowed.begin(), allowed.end());
    std::string out;
    for (const std::string_view method : allowed) out.append(out.empty() ? "" : ", ").append(method);
    return out;
  }

 private:
  using PathParameters = decltype(Request::path_parameters);
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<Parameter> parameters;
    server::Handler handler;
  };

  // The number of the route, or nobody.
  std::size_t lead(std::string_view method, std::string_view encoded_path, PathParameters& parameters) {
    if (!is_routed(method, encoded_path)) return RouteMemo::nobody;
    const auto known = memo_.find(method, encoded_path);
    if (!known) {
      ask_router(method, encoded_path);
      memo_.remember(found_);
      parameters = std::move(found_parameters_);
      return found_;
    }
    if (*known == RouteMemo::nobody) return RouteMemo::nobody;
    parameters.clear();
    for (const Parameter& parameter : routes_[*known].parameters) {
      parameters.emplace_back(parameter.name, memo_.segment(parameter.position));
    }
    return *known;
  }

  void ask_router(std::string_view method, std::string_view encoded_path) {
    found_ = RouteMemo::nobody;
    found_parameters_.clear();
    text_.assign(method).append(" ").append(path_prefix);
    append_canonical(text_, encoded_path);
    ends_with_slash_ = encoded_path.back() == '/';
    text_.append(" HTTP/1.1\r\n\r\n");
    WholeRequest stream(text_);
    bool closed = false;
    process_request(stream, no_address_, 0, no_address_, 0, true, closed, nullptr);
  }

  // Called by cpp-httplib. It lets a parameter be empty and a path have one slash more than its pattern; we
  // do not.
  void match(std::size_t number, const httplib::Request& request) {
    const Route& route = routes_[number];
    if (ends_with_slash_ && route.pattern.back() != '/') return;
    for (const Parameter& parameter : route.parameters) {
      const auto value = request.path_params.find(parameter.name);
      if (value == request.path_params.end() || value->second.empty()) return;
      std::string text = value->second;
      std::replace(text.begin(), text.end(), encoded_slash, '/');
      found_parameters_.emplace_back(parameter.name, std::move(text));
    }
    found_ = number;
  }

  std::vector<Route> routes_;
  RouteMemo memo_;
  const std::string no_address_;
  // Of the request being routed.
  std::string text_;
  bool ends_with_slash_ = false;
  std::size_t found_ = RouteMemo::nobody;
  PathParameters found_parameters_;
};

Router::Router() : routes_(std::make_unique<Routes>()) {}
Router::~Router() = default;

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  routes_->add(method, pattern, std::move(handler));
}
void Router::freeze() { routes_->freeze(); }
bool Router::dispatch(Request& request, std::string_view encoded_path, const Run& run) {
  return routes_->dispatch(request, encoded_path, run);
}
std::string Router::allowed_methods(std::string_view encoded_path) {
  return routes_->allowed_methods(encoded_path);
}

}  // namespace longhaul::server
