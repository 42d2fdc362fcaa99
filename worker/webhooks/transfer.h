// One request of Transfers: the handle of libcurl that makes it, and what was heard of it. Handles are dear to make
// and cheap to use again, so a Transfer makes one request after another.
//
// Thread-safety: none. libcurl keeps pointers to it: it stays where it is. Units: milliseconds, bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "worker/webhooks/connections_in_use.h"
#include "worker/webhooks/socket_watch.h"
#include "worker/webhooks/transfers.h"

struct Curl_URL;
struct curl_slist;

namespace longhaul::worker::webhooks {

class Transfer {
 public:
  // All of this outlives it.
  struct Surroundings {
    const Transfers::Options* options = nullptr;
    const std::string* trusted_file = nullptr;  // empty: the library's folder of certificates
    const base::Clock* clock = nullptr;
    ConnectionsInUse* connections = nullptr;
    SocketWatch* sockets = nullptr;  // outlives the connections, too
  };
  explicit Transfer(const Surroundings& surroundings);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // libcurl's, to be given to its multi interface.
  [[nodiscard]] void* handle() const { return easy_.get(); }
  static Transfer& of(void* handle);

  void prepare(TransferRequest request);
  // Asked when libcurl is done with it and while it still has the handle. `code`: its CURLcode. True: the request is
  // to be made again at once, on a connection of its own, for the one that was kept was no good any more; it is
  // prepared for that.
  [[nodiscard]] bool goes_again(int code);
  // What came of it, unless it goes again.
  [[nodiscard]] TransferEnd end(int code);

 private:
  struct FreeEasy {
    void operator()(void* easy) const;
  };
  struct FreeUrl {
    void operator()(Curl_URL* url) const;
  };
  // The callbacks of libcurl.
  struct Hooks;

  template <typename Value>
  void set(int option, Value value);
  void set_once();
  void prepare_attempt(bool on_its_own_connection);
  void set_url();
  void set_headers();
  void leave_connection(bool failed);
  void close_connection(const std::string& name);
  [[nodiscard]] bool may_be_shared() const { return is_https_; }
  [[nodiscard]] int status() const;
  [[nodiscard]] std::string remote_address() const;

  const Surroundings around_;
  std::string user_agent_;                      // as a header: by its own option libcurl writes it twice
  std::unique_ptr<Curl_URL, FreeUrl> url_;      // as libcurl has read it, for as long as it stays the same
  const std::unique_ptr<void, FreeEasy> easy_;  // which knows that

  TransferRequest request_;
  std::string url_text_;             // of url_; empty: none was read
  std::vector<curl_slist> headers_;  // its own, and what libcurl would add
  base::BootTime began_{};
  bool is_https_ = false;
  bool has_gone_again_ = false;

  // Of this attempt at it.
  std::string connection_;      // as ConnectionsInUse knows it; empty: it does not
  std::string remote_address_;  // that the request went to
  bool is_worn_out_ = false;    // the connection that was offered
  bool refused_ = false;        // an address of it
  bool connected_to_ = false;   // an address that may be
  std::size_t head_bytes_ = 0;
  bool head_done_ = false;  // of the answer that counts, not of one that announces it (1xx)
  std::size_t answer_bytes_ = 0;
  std::string answer_;
};

}  // namespace longhaul::worker::webhooks
