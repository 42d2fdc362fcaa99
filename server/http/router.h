// From a request to its handler: cpp-httplib's router, fed with a request line of ours.
//
// What crosses the border is the method and the path in canonical encoding, nothing else. Headers and body
// stay on our side: the framer has read them strictly, and a second reading could only disagree with it
// (cpp-httplib percent-decodes header values, for one). cpp-httplib's own answer goes nowhere.
//
// Thread-safety: add() before freeze(), dispatch() and allowed_methods() after it, on one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/http_server.h"

namespace longhaul::server {

class Router {
 public:
  Router();
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // Of "/a/:b/c" patterns. Methods: GET, POST, PUT, PATCH, DELETE, OPTIONS; anything else is our own mistake,
  // and throws.
  void add(std::string_view method, std::string_view pattern, Handler handler);
  // Hands the routes over to cpp-httplib: those with fewer parameters first, so that "/tasks/cancel" wins
  // over "/tasks/:id".
  void freeze();

  // Calls `run` with the handler of method and path, path_parameters filled. False: there is none.
  using Run = std::function<void(const Handler&, const Request&)>;
  bool dispatch(Request& request, std::string_view encoded_path, const Run& run);

  // The methods of a path as in Allow; empty when the path is unknown. HEAD where GET is, OPTIONS everywhere.
  [[nodiscard]] std::string allowed_methods(std::string_view encoded_path);

 private:
  class Routes;
  std::unique_ptr<Routes> routes_;
};

}  // namespace longhaul::server
