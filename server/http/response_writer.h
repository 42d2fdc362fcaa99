// The one place where answers become bytes. Adds Date, Content-Length, Connection and X-Request-Id; headers
// of a handler that would contradict these, or that hold a line break, are left out. Not thread-safe: the
// loop's own. The clock is not owned.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "server/http/exchange.h"

namespace longhaul::server {

class ResponseWriter {
 public:
  explicit ResponseWriter(const base::Clock& clock) : clock_(clock) {}

  // Appends status line and headers. True when the response's body has to follow (not for HEAD, 204, 304).
  [[nodiscard]] bool append_head(std::string& out, const Response& response, const AnswerFraming& framing,
                                 std::string_view request_id, const Headers& extra);
  // The same of an answer that goes on: its body ends with the connection, or it has changed the protocol (101).
  void append_stream_head(std::string& out, const Response& response, std::string_view request_id,
                          const Headers& extra);

 private:
  [[nodiscard]] std::string_view date();

  const base::Clock& clock_;
  std::time_t date_second_ =
      -1;  // `date_` is the text of that second: made when asked for, so that idling needs no timer
  std::string date_;
};

}  // namespace longhaul::server
