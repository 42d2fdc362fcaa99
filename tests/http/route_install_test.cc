// What install() holds every request to, whatever its handler does: the server's phase, size, content type,
// parameters.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "server/http/http_server.h"
#include "server/routes/answers.h"
#include "server/routes/route.h"
#include "tests/http/raw_client.h"

namespace longhaul::tests {
namespace {

using server::Readiness;

// GET /thing?a, POST /thing (at most 10 bytes), GET /probe, each answering {}.
struct InstalledRoutes {
  base::SystemClock clock;
  Readiness readiness;
  std::unique_ptr<server::HttpServer> server;

  InstalledRoutes() {
    server::HttpServerOptions options;
    options.port = 0;
    options.clock = &clock;
    server = server::make_http_server(options);
    const server::Handler handler = [](const server::Request&, const server::Responder& responder) {
      responder.send(server::json_response(200, "{}"));
    };
    server::Route get{"GET", "/thing", handler};
    get.parameters = {"a"};
    server::Route post{"POST", "/thing", handler};
    post.takes_body = true;
    post.max_body_bytes = 10;
    server::Route patch{"PATCH", "/thing/:id", handler};
    patch.takes_body = true;
    server::Route probe{"GET", "/probe", handler};
    probe.works_unready = true;
    server::install(*server, readiness, {get, post, patch, probe});
    REQUIRE(server->start());
  }
  ~InstalledRoutes() { server->stop(); }

  [[nodiscard]] Answer ask(const std::string& request) const {
    return RawClient(server->port()).exchange(request);
  }
  [[nodiscard]] Answer post_json(const std::string& body) const {
    return ask(post("/thing", body, {"Content-Type: application/json"}));
  }
  [[nodiscard]] Answer patch_json(const std::string& body) const {
    return ask(request("PATCH", "/thing/1",
                       {"Content-Type: application/json", "Content-Length: " + std::to_string(body.size())},
                       body));
  }
};

}  // namespace

TEST_CASE("routes: before recovery is over only probes are answered") {
  const InstalledRoutes routes;
  CHECK(routes.ask(get("/probe")).status == 200);
  const Answer refused = routes.ask(get("/thing"));
  CHECK(refused.status == 503);
  CHECK(refused.header("Retry-After") == "1");
  CHECK(refused.body.find("NOT_READY") != std::string::npos);
  CHECK(routes.post_json("{}").status == 503);
}

TEST_CASE("routes: while the server stops there is no new work") {
  InstalledRoutes routes;
  routes.readiness.enter(Readiness::Phase::stopping);
  CHECK(routes.ask(get("/thing")).status == 200);
  CHECK(routes.post_json("{}").status == 503);
  CHECK(routes.patch_json("{}").status == 200);
}

TEST_CASE("routes: PATCH is a method as POST is") {
  InstalledRoutes routes;
  routes.readiness.enter(Readiness::Phase::ready);
  CHECK(routes.patch_json("{}").status == 200);
  CHECK(routes.ask(request("PATCH", "/thing/1", {"Content-Type: text/plain", "Content-Length: 2"}, "{}"))
            .status == 415);
  const Answer refused = routes.ask(get("/thing/1"));
  CHECK(refused.status == 405);
  CHECK(refused.header("Allow") == "OPTIONS, PATCH");
  CHECK(routes.ask(request("OPTIONS", "/thing/1")).header("Allow") == "PATCH, OPTIONS");
}

TEST_CASE("routes: sizes, content types and parameters are judged before the handler") {
  InstalledRoutes routes;
  routes.readiness.enter(Readiness::Phase::ready);
  CHECK(routes.post_json("{}").status == 200);
  CHECK(routes.post_json("12345678901").status == 413);
  CHECK(routes.ask(post("/thing", "{}", {"Content-Type: text/plain"})).status == 415);
  CHECK(routes.ask(post("/thing", "", {})).status == 200);
  CHECK(routes.ask(get("/thing?a=1")).status == 200);
  const Answer unknown = routes.ask(get("/thing?a=1&b=2"));
  CHECK(unknown.status == 422);
  CHECK(unknown.body.find("\"?b\"") != std::string::npos);
  CHECK(routes.ask(post("/thing?a=1", "{}", {"Content-Type: application/json"})).status == 422);
}

TEST_CASE("routes: a body is refused where none is taken, and anywhere with a coding") {
  InstalledRoutes routes;
  routes.readiness.enter(Readiness::Phase::ready);
  const std::string json = "Content-Type: application/json";
  for (const char* const path : {"/thing", "/probe"}) {
    const Answer refused = routes.ask(request("GET", path, {json, "Content-Length: 2"}) + "{}");
    CHECK(refused.status == 422);
    CHECK(refused.body.find("\"#\"") != std::string::npos);
    CHECK(routes.ask(request("GET", path, {"Content-Length: 0"})).status == 200);
  }
  const Answer coded = routes.ask(post("/thing", "{}", {json, "Content-Encoding: gzip"}));
  CHECK(coded.status == 415);
  CHECK(coded.header("Accept-Encoding") == "identity");
  CHECK(routes.ask(post("/thing", "{}", {json, "content-encoding: IDENTITY"})).status == 200);
}

TEST_CASE("routes: a full disk is told with its limit and what to do") {
  const auto problem =
      server::to_problem({storage::StoreFault::storage_full, "less than 64 MiB are free on the disk"});
  CHECK(problem.code == api::ErrorCode::storage_full);
  CHECK(problem.detail.find("less than 64 MiB are free on the disk.") != std::string::npos);
  CHECK(problem.detail.find("Make room") != std::string::npos);
}

TEST_CASE("routes: OPTIONS says what a path takes") {
  const InstalledRoutes routes;
  const Answer options = routes.ask(request("OPTIONS", "/thing"));
  CHECK(options.status == 204);
  CHECK(options.header("Allow") == "GET, HEAD, POST, OPTIONS");
  CHECK(options.header("Access-Control-Allow-Methods").empty());
  const Answer preflight = routes.ask(
      request("OPTIONS", "/thing", {"Origin: http://localhost", "Access-Control-Request-Method: POST"}));
  CHECK(preflight.header("Access-Control-Allow-Methods") == "GET, HEAD, POST, OPTIONS");
}

}  // namespace longhaul::tests
