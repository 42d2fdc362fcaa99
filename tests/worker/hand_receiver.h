// A receiver of HTTP/1.1 for tests of transfers: it does to each connection what the test says, and knows how many
// connections there were. It reads whole requests; nothing of them is checked.
//
// Thread-safety: every method from any thread. One thread of its own, which ends with it, as do its connections.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "base/unique_fd.h"

namespace longhaul::tests {

class HandReceiver {
 public:
  enum class Deed {
    answer,            // 204
    answer_and_close,  // 204, and then the end of the connection, without having said so
    close,             // the end of the connection in place of an answer
    reset,             // the same, by a RST, as soon as there is one byte of the request
    hang,              // nothing
    announce,          // "103 Early Hints", and then the end
  };
  // Which request of which connection it is; both count from 0.
  using Plan = std::function<Deed(int connection, int request)>;

  explicit HandReceiver(Plan plan = [](int, int) { return Deed::answer; });
  ~HandReceiver();
  HandReceiver(const HandReceiver&) = delete;
  HandReceiver& operator=(const HandReceiver&) = delete;

  [[nodiscard]] std::string url() const { return "http://" + address() + "/"; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  [[nodiscard]] int requests() EXCLUDES(mutex_);     // read whole
  [[nodiscard]] int connections() EXCLUDES(mutex_);  // that there ever were
  // Waits until so many requests have come, or connections are open.
  void wait_for_requests(int count) EXCLUDES(mutex_);
  void wait_for_open(int count) EXCLUDES(mutex_);

 private:
  struct Connection {
    base::UniqueFd fd;
    int number = 0;
    int requests = 0;
    bool deaf = false;
    std::string text;
  };

  void run();
  void accept_one();
  // False: the connection is over.
  [[nodiscard]] bool read_from(Connection& connection);
  [[nodiscard]] bool handle(Connection& connection, Deed deed);

  const Plan plan_;
  base::UniqueFd listener_;
  base::UniqueFd bell_;
  std::uint16_t port_ = 0;
  std::map<int, Connection> open_;  // of the thread alone

  base::Mutex mutex_;
  base::CondVar changed_;
  int open_count_ GUARDED_BY(mutex_) = 0;
  int connections_ GUARDED_BY(mutex_) = 0;
  int requests_ GUARDED_BY(mutex_) = 0;

  std::thread thread_;
};

}  // namespace longhaul::tests
