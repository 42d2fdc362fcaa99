#include "worker/webhooks/transfers.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <utility>

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
// call to close connections, so they are closed by making all of it anew.
struct Transfers::Multi {
  struct FreeMulti {
    void operator()(void* multi) const { curl_multi_cleanup(multi); }
  };
  // Destroyed last: closing connections is its business.
  std::unique_ptr<void, FreeMulti> handle{curl_multi_init()};
  ConnectionsInUse connections;
  std::vector<std::unique_ptr<Transfer>> transfers;  // all that there are
  std::vector<Transfer*> unused;

  explicit Multi(base::Milliseconds lifetime) : connections(lifetime) {}

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
  make_multi();
  if (multi_->handle == nullptr) return base::fail("libcurl cannot be used");
  return alarm_.open(true);
}

void Transfers::make_multi() {
  multi_.reset();
  multi_ = std::make_unique<Multi>(options_.kept_at_all);
  if (multi_->handle == nullptr) return;
  curl_multi_setopt(multi_->handle.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options_.most_connections));
}

void Transfers::begin(TransferRequest request) {
  Transfer& transfer = multi_->take({&options_, &trusted_file_, &clock_, &multi_->connections});
  transfer.prepare(std::move(request));
  curl_multi_add_handle(multi_->handle.get(), transfer.handle());
  ++under_way_;
  closes_at_.reset();
}

std::vector<TransferEnd> Transfers::advance() {
  std::vector<TransferEnd> ended;
  if (empty()) return ended;
  CURLM* const multi = multi_->handle.get();
  int running = 0;
  curl_multi_perform(multi, &running);
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
  std::array<curl_waitfd, 2> extra{};
  const auto descriptors = alarm_.descriptors();
  for (std::size_t i = 0; i < extra.size(); ++i) extra[i] = {descriptors[i], CURL_WAIT_POLLIN, 0};
  // It returns earlier for what libcurl itself has to do.
  curl_multi_poll(multi_->handle.get(), extra.data(), static_cast<unsigned>(extra.size()),
                  std::numeric_limits<int>::max(), nullptr);
  alarm_.heard();
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
