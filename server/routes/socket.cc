#include <memory>

#include "server/routes/routes.h"
#include "server/routes/socket_session.h"
#include "server/streams/websocket_handshake.h"

namespace longhaul::server {

std::vector<Route> socket_routes(const RouteContext& context) {
  return {{"GET", websocket_path, [&context](const Request& request, const Responder& responder) {
             auto head = accept_websocket(request);
             if (!head) return responder.send(head.error());
             responder.stream(std::move(head).value(),
                              std::make_shared<SocketSession>(context, request.request_id));
           }}};
}

}  // namespace longhaul::server
