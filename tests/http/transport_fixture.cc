#include "tests/http/transport_fixture.h"

#include <chrono>
#include <stdexcept>
#include <utility>

namespace longhaul::tests {
namespace {

using server::Request;
using server::Responder;

constexpr auto patience = std::chrono::seconds(30);

std::string describe(const Request& request) {
  std::string out = request.method + " " + request.path + " from " + request.peer + "\n";
  for (const auto& [name, value] : request.query) out += "?" + name + "=" + value + "\n";
  for (const auto& [name, value] : request.path_parameters) out += ":" + name + "=" + value + "\n";
  for (const auto& [name, value] : request.headers) out += name + "=" + value + "\n";
  return out + request.body;
}

}  // namespace

void Signal::set() {
  const std::lock_guard lock(mutex_);
  ++count_;
  changed_.notify_all();
}

bool Signal::wait(std::size_t times) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return count_ >= times; });
}

std::size_t Signal::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

server::Response text_response(int status, std::string body) {
  server::Response response;
  response.status = status;
  response.body = std::move(body);
  response.content_type = "text/plain";
  return response;
}

Transport::Transport(server::HttpServerOptions options, server::Gate gate) {
  options.port = 0;
  server = server::make_http_server(std::move(options));
  if (gate) server->set_gate(std::move(gate));
  add_routes();
  if (auto started = server->start(); !started) throw std::runtime_error(started.error().message);
}

Transport::~Transport() {
  parked_.clear();
  if (running) server->stop();
}

void Transport::add_routes() {
  server->route("GET", "/hello", [](const Request&, const Responder& responder) {
    responder.send(text_response(200, "{\"hello\":true}"));
  });
  server->route("GET", "/big", [](const Request& request, const Responder& responder) {
    responder.send(text_response(200, std::string(std::stoul(request.query.at(0).second), 'b')));
  });
  const auto park = [this](const Request&, const Responder& responder) {
    responder.on_hang_up([this] { hung_up.set(); });
    {
      const std::lock_guard lock(mutex_);
      parked_.push_back(responder);
    }
    has_parked_.set();
  };
  server->route("GET", "/park", park);
  server->route("GET", "/park/:name", park);
  server->route("GET", "/drop", [](const Request&, const Responder&) {});
  server->route("GET", "/throw",
                [](const Request&, const Responder&) { throw std::runtime_error("on purpose"); });
  server->route("GET", "/status/:code", [](const Request& request, const Responder& responder) {
    responder.send(text_response(std::stoi(std::string(request.path_parameter("code"))), "body"));
  });
  const auto echo = [](const Request& request, const Responder& responder) {
    responder.send(text_response(200, describe(request)));
  };
  server->route("POST", "/echo", echo);
  server->route("POST", "/echo/:one/:two", echo);
  server->route("POST", "/twice", [](const Request&, const Responder& responder) {
    responder.send(text_response(200, "first"));
    responder.send(text_response(200, "second"));
  });
}

server::Responder Transport::parked() {
  if (!has_parked_.wait(++parked_count_)) throw std::runtime_error("nothing was parked");
  const std::lock_guard lock(mutex_);
  Responder responder = parked_.front();
  parked_.erase(parked_.begin());
  return responder;
}

void Transport::until(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + patience;
  // Each turn goes through the loop, which handles what has come in meanwhile.
  while (!on_loop(holds)) {
    if (std::chrono::steady_clock::now() > end)
      throw std::runtime_error("the transport does not come to that");
  }
}

}  // namespace longhaul::tests
