#include "worker/webhooks/transfers.h"

#include <curl/curl.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "worker/webhooks/socket_watch.h"
#include "worker/webhooks/transfer.h"

namespace longhaul::worker::webhooks {
namespace {

// The certificates that the library trusts by itself; empty: it knows no file.
std::string built_in_file() {
  const char* file = curl_version_info(CURLVERSION_NOW)->cainfo;
  return file == nullptr ? std::string() : file;
}

}  // namespace

class Transfers::Global {
 public:
  Global() { curl_global_init(CURL_GLOBAL_DEFAULT); }
  ~Global() { curl_global_cleanup(); }
  Global(const Global&) = delete;
  Global& operator=(const Global&) = delete;
};

// What libcurl keeps from one transfer to the next: connections, sessions of TLS, certificates, handles. It has no
// call to close connections, so they are closed by making all of it anew. libcurl says which sockets are to be
// watched, so that what is under way and silent costs nothing while others go on.
struct Transfers::Multi {
  struct FreeMulti {
    void operator()(void* multi) const { curl_multi_cleanup(multi); }
  };
  SocketWatch sockets;
  std::optional<base::BootTime> timer;  // when libcurl wants to go on by itself
  const base::SystemClock clock;
  // Destroyed behind the handles; closing connections is its business.
  std::unique_ptr<void, FreeMulti> handle{curl_multi_init()};
  ConnectionsInUse connections;
  std::vector<std::unique_ptr<Transfer>> transfers;  // all that there are
  std::vector<Transfer*> unused;

  explicit Multi(const Options& options) : connections(options.kept_at_all) {
    if (!is_usable()) return;
    set(CURLMOPT_MAXCONNECTS, static_cast<long>(options.most_connections));
    set(CURLMOPT_SOCKETFUNCTION, &Multi::watch_socket);
    set(CURLMOPT_SOCKETDATA, this);
    set(CURLMOPT_TIMERFUNCTION, &Multi::set_timer);
    set(CURLMOPT_TIMERDATA, this);
  }
  [[nodiscard]] bool is_usable() const { return handle != nullptr && sockets.is_usable(); }

  template <typename Value>
  void set(CURLMoption option, Value value) {
    [[maybe_unused]] const CURLMcode code = curl_multi_setopt(handle.get(), option, value);
    assert(code == CURLM_OK && "libcurl knows every option that is used");
  }

  static int watch_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    auto& multi = *static_cast<Multi*>(self);
    std::uint32_t events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) events |= EPOLLOUT;
    multi.sockets.want(socket, events);  // of CURL_POLL_REMOVE: none
    return 0;
  }
  static int set_timer(CURLM*, long in_ms, void* self) {
    auto& multi = *static_cast<Multi*>(self);
    multi.timer.reset();
    if (in_ms >= 0) multi.timer = multi.clock.boot() + base::Milliseconds(in_ms);
    return 0;
  }

  // Sleeps until something is ready or libcurl's timer is due.
  void sleep() {
    std::optional<base::Milliseconds> patience;
    if (timer) patience = std::chrono::ceil<base::Milliseconds>(*timer - clock.boot());
    sockets.look(patience);
  }
  // Tells libcurl what is ready. It knows which descriptors are its own.
  void go_on() {
    int running = 0;
    if (sockets.seen().empty()) sockets.look(base::Milliseconds(0));
    for (const auto& [fd, events] : sockets.take_seen()) {
      const int seen = ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                       ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                       ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
      curl_multi_socket_action(handle.get(), fd, seen, &running);
    }
    if (timer && *timer <= clock.boot()) {
      timer.reset();
      curl_multi_socket_action(handle.get(), CURL_SOCKET_TIMEOUT, 0, &running);
    }
  }

  Transfer& take(const Transfer::Surroundings& around) {
    if (unused.empty()) {
      transfers.push_back(std::make_unique<Transfer>(around));
      return *transfers.back();
    }
    Transfer& transfer = *unused.back();
    unused.pop_back();
    return transfer;
  }
};

Transfers::Transfers(Options options)
    : options_(std::move(options)),
      trusted_file_(options_.ca_file.empty() ? built_in_file() : options_.ca_file),
      global_(std::make_unique<Global>()) {
  assert(options_.guard != nullptr);
}

Transfers::~Transfers() = default;

base::Result<void> Transfers::open() {
  if (auto opened = alarm_.open(true); !opened) return opened;
  make_multi();
  if (!multi_->is_usable()) return base::fail("libcurl cannot be used");
  return {};
}

void Transfers::make_multi() {
  multi_.reset();
  multi_ = std::make_unique<Multi>(options_);
  for (const int fd : alarm_.descriptors()) multi_->sockets.want(fd, EPOLLIN);
}

void Transfers::begin(TransferRequest request) {
  Transfer& transfer =
      multi_->take({&options_, &trusted_file_, &clock_, &multi_->connections, &multi_->sockets});
  transfer.prepare(std::move(request));
  curl_multi_add_handle(multi_->handle.get(), transfer.handle());
  ++under_way_;
  closes_at_.reset();
}

std::vector<TransferEnd> Transfers::advance() {
  std::vector<TransferEnd> ended;
  if (empty()) return ended;
  CURLM* const multi = multi_->handle.get();
  multi_->go_on();
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message goes with the handle
    CURL* const easy = message->easy_handle;
    Transfer& transfer = Transfer::of(easy);
    const bool again = transfer.goes_again(code);
    if (!again) ended.push_back(transfer.end(code));
    curl_multi_remove_handle(multi, easy);
    if (again) {
      curl_multi_add_handle(multi, easy);
    } else {
      multi_->unused.push_back(&transfer);
      --under_way_;
    }
  }
  if (empty()) closes_at_ = clock_.boot() + options_.closes_when_idle_for;
  return ended;
}

void Transfers::wait(std::optional<base::BootTime> until) {
  if (closes_at_) until = until ? std::min(*until, *closes_at_) : *closes_at_;
  alarm_.arm(until, std::nullopt);
  multi_->sleep();
  const auto bells = alarm_.descriptors();
  for (const auto& [fd, events] : multi_->sockets.seen()) {
    if (fd == bells[0] || fd == bells[1]) alarm_.heard();
  }
  if (closes_at_) close_idle(clock_.boot());
}

void Transfers::close_idle(base::BootTime now) {
  if (now < *closes_at_) return;
  closes_at_.reset();
  make_multi();
}

void Transfers::drop_all() {
  make_multi();
  under_way_ = 0;
  closes_at_.reset();
}

}  // namespace longhaul::worker::webhooks
