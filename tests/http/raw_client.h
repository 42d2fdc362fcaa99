// A client that sends bytes as it is told, right or wrong, and takes answers apart. Blocking: whatever it
// waits for must come within half a minute, or the test fails. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace longhaul::tests {

struct Answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  [[nodiscard]] std::string header(std::string_view name) const;  // empty when absent
  [[nodiscard]] std::size_t count(std::string_view name) const;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0);
  RawClient(std::uint16_t port, base::UniqueFd socket);  // over a socket made before

  void send(std::string_view bytes);
  // The next answer. For a HEAD request the body is not waited for.
  [[nodiscard]] Answer read(bool of_head = false);
  [[nodiscard]] Answer exchange(std::string_view request);
  // Only the status line and headers, as for 100 Continue.
  [[nodiscard]] Answer read_head();
  // Everything up to the server's end.
  [[nodiscard]] std::string read_to_end();
  // The server has ended the connection, by an end or a reset, with no byte left unread.
  [[nodiscard]] bool ended();
  // Nothing has come that was not asked for.
  [[nodiscard]] bool silent() const;

  void end_sending();  // a half-close
  void reset();        // closes with RST
  void close() { fd_.reset(); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  void connect_to(std::uint16_t port);
  [[nodiscard]] bool receive();

  base::UniqueFd fd_;
  std::string received_;
};

// "GET <target> HTTP/1.1" with a Host and these header lines, each without its line end.
[[nodiscard]] std::string get(std::string_view target, const std::vector<std::string>& lines = {});
[[nodiscard]] std::string request(std::string_view method, std::string_view target,
                                  const std::vector<std::string>& lines = {}, std::string_view body = {});
// The same with Content-Length.
[[nodiscard]] std::string post(std::string_view target, std::string_view body,
                               std::vector<std::string> lines = {});

}  // namespace longhaul::tests
