// One request and its one answer, shared by the loop (through its connection) and by the responders that
// others hold.
//
// Thread-safety: each member says whose it is. Whoever turns `answered` to true may write `response`, then
// hands the exchange to the loop, which is the only one to read it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/http/http_server.h"
#include "server/http/inbox.h"
#include "server/http/stream.h"

namespace longhaul::server {

// What an answer must know of its request.
struct AnswerFraming {
  int minor_version = 1;  // of HTTP/1.x
  bool is_head = false;
  bool keep_alive = true;
};

struct Exchange {
  // Constant once made.
  ConnectionId connection;
  std::string request_id;
  AnswerFraming framing;
  Headers extra;  // of the gate
  std::shared_ptr<Inbox> inbox;
  HttpMethod method = HttpMethod::other;
  std::string path;
  base::BootTime began{};

  // The loop's thread.
  bool in_handler = false;
  bool answered_in_handler = false;
  std::function<void()> hang_up;

  // The one who answers.
  std::atomic<bool> answered{false};
  Response response;
  std::shared_ptr<StreamHandler> stream;  // set: the response is a head, and this serves what follows
};

// Takes the first answer and drops later ones.
void answer(const std::shared_ptr<Exchange>& exchange, Response response,
            std::shared_ptr<StreamHandler> stream = nullptr);

// Problem details as an answer.
[[nodiscard]] Response to_response(const api::Problem& problem, std::string_view request_id);

// Dies with the last responder of its request.
struct Responder::Shared {
  explicit Shared(std::shared_ptr<Exchange> of) : exchange(std::move(of)) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared();
  const std::shared_ptr<Exchange> exchange;
};

}  // namespace longhaul::server
