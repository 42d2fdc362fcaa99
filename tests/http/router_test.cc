// Where paths lead, what the handler learns of them, and which methods a path takes.
#include "server/http/router.h"

#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace longhaul;
using server::Handler;
using server::Request;
using server::Router;

namespace {

class Routes {
 public:
  Routes() {
    for (const char* pattern : {"/", "/stats", "/tasks", "/tasks/:id", "/tasks/:id/logs", "/a/:x/b/:y"})
      add("GET", pattern);
    for (const char* pattern : {"/tasks/:id/retry", "/tasks/cancel", "/start-task"}) add("POST", pattern);
    add("POST", "/tasks/:id");
    add("DELETE", "/tasks/:id");
    add("PUT", "/all");
    add("PATCH", "/all");
    add("OPTIONS", "/all");
    router.freeze();
  }

  // "pattern name=value ...", or "" when nobody is there.
  std::string lead(const std::string& method, const std::string& path) {
    Request request;
    request.method = method;
    std::string out;
    const bool found = router.dispatch(request, path, [&](const Handler& handler, const Request& routed) {
      handler(routed, server::Responder(nullptr));
      out = reached_;
      for (const auto& [name, value] : routed.path_parameters) out += " " + name + "=" + value;
    });
    CHECK(found == !out.empty());
    return out;
  }

  Router router;

 private:
  void add(const std::string& method, const std::string& pattern) {
    router.add(method, pattern,
               [this, pattern](const Request&, const server::Responder&) { reached_ = pattern; });
  }
  std::string reached_;
};

}  // namespace

TEST_CASE("paths lead to their handlers") {
  Routes routes;
  for (int twice = 0; twice < 2; ++twice) {  // the second time from memory
    CHECK(routes.lead("GET", "/") == "/");
    CHECK(routes.lead("GET", "/stats") == "/stats");
    CHECK(routes.lead("HEAD", "/stats") == "/stats");
    CHECK(routes.lead("GET", "/tasks") == "/tasks");
    CHECK(routes.lead("GET", "/tasks/7") == "/tasks/:id id=7");
    CHECK(routes.lead("DELETE", "/tasks/7") == "/tasks/:id id=7");
    CHECK(routes.lead("GET", "/tasks/7/logs") == "/tasks/:id/logs id=7");
    CHECK(routes.lead("GET", "/a/1/b/2") == "/a/:x/b/:y x=1 y=2");
    CHECK(routes.lead("PUT", "/all") == "/all");
    CHECK(routes.lead("PATCH", "/all") == "/all");
    CHECK(routes.lead("OPTIONS", "/all") == "/all");
  }
}

TEST_CASE("a path without parameters wins over one with them, whichever was added first") {
  Routes routes;
  CHECK(routes.lead("POST", "/tasks/cancel") == "/tasks/cancel");
  CHECK(routes.lead("POST", "/tasks/other") == "/tasks/:id id=other");
}

TEST_CASE("paths are exact") {
  Routes routes;
  for (const char* path : {"",
                           "stats",
                           "*",
                           "/stats/",
                           "//stats",
                           "/Stats",
                           "/stats/x",
                           "/stat",
                           "/statsx",
                           "/tasks/",
                           "/tasks//logs",
                           "/tasks/7/",
                           "/tasks/7/logs/",
                           "/tasks/7//logs",
                           "/tasks/7/log",
                           "/-/stats",
                           "/./stats",
                           "/a/../stats",
                           "/stats%2F",
                           "/stats?",
                           "/stats%3F",
                           "/a/1/b/",
                           "/a//b/2"}) {
    CAPTURE(path);
    CHECK(routes.lead("GET", path).empty());
  }
}

TEST_CASE("encoding says nothing about the path, but an encoded slash is no separator") {
  Routes routes;
  CHECK(routes.lead("GET", "/%73tats") == "/stats");
  CHECK(routes.lead("GET", "/%2Fstats").empty());
  CHECK(routes.lead("GET", "/tasks%2F7").empty());
  CHECK(routes.lead("GET", "/tasks/7%2flogs") == "/tasks/:id id=7/logs");
  CHECK(routes.lead("GET", "/tasks/a%20b+c") == "/tasks/:id id=a b+c");
  CHECK(routes.lead("GET", "/tasks/%C3%A4") == "/tasks/:id id=\xC3\xA4");
  CHECK(routes.lead("GET", "/tasks/%2541") == "/tasks/:id id=%41");  // decoded once
  CHECK(routes.lead("GET", "/tasks/a:b;c=d@e") == "/tasks/:id id=a:b;c=d@e");
}

TEST_CASE("methods that nobody routes, known to cpp-httplib or not") {
  Routes routes;
  for (const char* method : {"BREW", "TRACE", "CONNECT", "PRI", "get", "", "GET /stats HTTP/1.1\r\n\r\n"}) {
    CHECK(routes.lead(method, "/stats").empty());
  }
  CHECK(routes.lead("POST", "/stats").empty());
}

TEST_CASE("the methods of a path") {
  Routes routes;
  CHECK(routes.router.allowed_methods("/stats") == "GET, HEAD, OPTIONS");
  CHECK(routes.router.allowed_methods("/start-task") == "OPTIONS, POST");
  CHECK(routes.router.allowed_methods("/tasks/7") == "DELETE, GET, HEAD, OPTIONS, POST");
  CHECK(routes.router.allowed_methods("/all") == "OPTIONS, PATCH, PUT");
  CHECK(routes.router.allowed_methods("/nowhere") == "");
  CHECK(routes.router.allowed_methods("/tasks/") == "");
  CHECK(routes.router.allowed_methods("*") == "");
}

TEST_CASE("a path of the greatest length is routed") {
  Routes routes;
  const std::string id(8000, 'a');
  CHECK(routes.lead("GET", "/tasks/" + id) == "/tasks/:id id=" + id);
}

TEST_CASE("paths of one shape keep their own values") {
  Routes routes;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = std::to_string(i);
    REQUIRE(routes.lead("GET", "/tasks/" + id) == "/tasks/:id id=" + id);
    REQUIRE(routes.lead("GET", "/a/" + id + "/b/x" + id) == "/a/:x/b/:y x=" + id + " y=x" + id);
  }
}

TEST_CASE("a value that is a word of some pattern, or looks like a parameter") {
  Routes routes;
  for (int twice = 0; twice < 2; ++twice) {
    CHECK(routes.lead("GET", "/tasks/7") == "/tasks/:id id=7");
    CHECK(routes.lead("GET", "/tasks/stats") == "/tasks/:id id=stats");
    CHECK(routes.lead("GET", "/tasks/cancel") == "/tasks/:id id=cancel");
    CHECK(routes.lead("POST", "/tasks/cancel") == "/tasks/cancel");
    CHECK(routes.lead("GET", "/tasks/:") == "/tasks/:id id=:");
    CHECK(routes.lead("GET", "/tasks/:id") == "/tasks/:id id=:id");
    CHECK(routes.lead("GET", "/a/b/b/a") == "/a/:x/b/:y x=b y=a");
    CHECK(routes.lead("GET", "/b/a/b/a").empty());
    CHECK(routes.lead("GET", "/:/7").empty());
  }
}

TEST_CASE("more shapes of paths than are remembered") {
  Routes routes;
  for (int i = 0; i < 3000; ++i) {
    std::string path;
    for (int bit = 0; bit < 12; ++bit) path += (i >> bit & 1) != 0 ? "/tasks" : "/stats";
    REQUIRE(routes.lead("GET", path).empty());
    if (i % 100 == 0)
      REQUIRE(routes.lead("GET", "/tasks/" + std::to_string(i)) == "/tasks/:id id=" + std::to_string(i));
  }
}

TEST_CASE("routes that are our own mistake") {
  Router router;
  const Handler nothing = [](const Request&, const server::Responder&) {};
  CHECK_THROWS_AS(router.add("BREW", "/x", nothing), std::invalid_argument);
  CHECK_THROWS_AS(router.add("HEAD", "/x", nothing), std::invalid_argument);
  CHECK_THROWS_AS(router.add("GET", "x", nothing), std::invalid_argument);
}
