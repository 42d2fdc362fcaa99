#include "embedded/openapi.h"
#include "server/routes/routes.h"

namespace longhaul::server {

std::vector<Route> openapi_routes() {
  Route route{"GET", "/openapi.json", [](const Request&, const Responder& responder) {
                Response response;
                for (const embedded::TextFile& file : embedded::openapi()) response.body = file.text;
                responder.send(std::move(response));
              }};
  route.works_unready = true;
  return {std::move(route)};
}

}  // namespace longhaul::server
