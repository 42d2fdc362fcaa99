#include "worker/webhooks/transfers.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <unordered_map>
#include <utility>

#include "api/limits.h"
#include "base/log.h"

namespace longhaul::worker::webhooks {
namespace {

constexpr std::size_t kept_answer_bytes = api::limits::delivery_answer_bytes;
// Who answers at more length is hung up on; what it said until then counts.
constexpr std::size_t answer_bytes_max = 64 * 1024;
constexpr std::size_t answer_head_bytes_max = 64 * 1024;
constexpr long names_kept_seconds = 2;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

HeaderList list_of(const std::vector<std::string>& headers) {
  HeaderList list;
  const auto append = [&list](const char* header) {
    // The list that comes back is the one that was given, but for the first time.
    curl_slist* const longer = curl_slist_append(list.get(), header);
    assert(longer != nullptr && "out of memory");
    [[maybe_unused]] const auto* const same = list.release();
    list.reset(longer);
  };
  for (const std::string& header : headers) append(header.c_str());
  append("Expect:");  // no round trip before the body
  append("Accept:");
  return list;
}

TransferFault fault_of(CURLcode code) {
  switch (code) {
    case CURLE_OK: return TransferFault::none;
    case CURLE_OPERATION_TIMEDOUT: return TransferFault::timed_out;
    case CURLE_COULDNT_RESOLVE_HOST: return TransferFault::dns_failed;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_INITFAILED: return TransferFault::tls_failed;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9
    case CURLE_WRITE_ERROR: return TransferFault::connection_lost;
    default: return TransferFault::connect_failed;
  }
}

// The certificates that the library trusts by itself; empty: it knows no file.
std::string built_in_file() {
  const char* file = curl_version_info(CURLVERSION_NOW)->cainfo;
  return file == nullptr ? std::string() : file;
}

}  // namespace

// One request under way. libcurl keeps pointers into it, so it stays where it is.
struct Transfers::Transfer {
  TransferRequest request;
  const AddressGuard* guard = nullptr;
  Easy easy;
  HeaderList headers;
  bool refused = false;       // an address of it
  bool connected_to = false;  // an address that may be
  std::size_t head_bytes = 0;
  bool head_done = false;  // of the answer that counts, not of one that announces it (1xx)
  std::size_t answer_bytes = 0;
  std::string answer;

  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (const auto refusal = transfer.guard->refusal_of_connection(address->addr)) {
      transfer.refused = true;
      base::log_debug("a delivery is kept from its address", {{"cause", *refusal}});
      return CURL_SOCKET_BAD;
    }
    transfer.connected_to = true;
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  static std::size_t take_head(char* line, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    transfer.head_bytes += bytes;
    if (transfer.head_bytes > answer_head_bytes_max) return 0;
    const std::string_view text(line, bytes);
    if (text == "\r\n" || text == "\n") transfer.head_done = transfer.status() >= 200;
    return bytes;
  }

  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    transfer.answer_bytes += bytes;
    transfer.answer.append(data, std::min(bytes, kept_answer_bytes - transfer.answer.size()));
    return transfer.answer_bytes > answer_bytes_max ? 0 : bytes;
  }

  [[nodiscard]] int status() const {
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }

  // Empty when no connection came about.
  [[nodiscard]] std::string remote_address() const {
    curl_off_t connected_us = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_CONNECT_TIME_T, &connected_us);
    if (connected_us == 0) return {};
    const char* address = nullptr;
    long port = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_PRIMARY_IP, &address);
    curl_easy_getinfo(easy.get(), CURLINFO_PRIMARY_PORT, &port);
    if (address == nullptr || *address == '\0') return {};
    const std::string text(address);
    return (text.find(':') == std::string::npos ? text : "[" + text + "]") + ":" + std::to_string(port);
  }

  [[nodiscard]] TransferEnd end(CURLcode code) {
    TransferEnd end;
    end.key = request.key;
    if (head_done) {
      // A whole head is an answer, whatever became of its body.
      end.status = status();
      curl_off_t wait = 0;
      curl_easy_getinfo(easy.get(), CURLINFO_RETRY_AFTER, &wait);
      if (wait > 0)
        end.retry_after = std::chrono::seconds(std::min<curl_off_t>(wait, std::numeric_limits<int>::max()));
    } else {
      end.fault = refused && !connected_to ? TransferFault::address_refused : fault_of(code);
      if (end.fault == TransferFault::none) end.fault = TransferFault::connection_lost;
    }
    end.remote_address = remote_address();
    end.answer = std::move(answer);
    return end;
  }
};

struct Transfers::Multi {
  CURLM* handle = nullptr;
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> transfers;

  Multi() { curl_global_init(CURL_GLOBAL_DEFAULT); }
  ~Multi() {
    drop_all();
    if (handle != nullptr) curl_multi_cleanup(handle);
    curl_global_cleanup();
  }
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  void drop_all() {
    for (const auto& [easy, transfer] : transfers) curl_multi_remove_handle(handle, easy);
    transfers.clear();
  }
};

Transfers::Transfers(Options options)
    : options_(std::move(options)),
      trusted_file_(options_.ca_file.empty() ? built_in_file() : options_.ca_file),
      multi_(std::make_unique<Multi>()) {
  assert(options_.guard != nullptr);
}

Transfers::~Transfers() = default;

base::Result<void> Transfers::open() {
  multi_->handle = curl_multi_init();
  if (multi_->handle == nullptr) return base::fail("libcurl cannot be used");
  return alarm_.open(true);
}

void Transfers::begin(TransferRequest request) {
  auto transfer = std::make_unique<Transfer>();
  transfer->request = std::move(request);
  transfer->guard = options_.guard;
  transfer->headers = list_of(transfer->request.headers);
  transfer->easy.reset(curl_easy_init());
  CURL* const easy = transfer->easy.get();
  assert(easy != nullptr && "out of memory");
  const auto set = [easy](CURLoption option, auto value) {
    [[maybe_unused]] const CURLcode code = curl_easy_setopt(easy, option, value);
    assert(code == CURLE_OK && "libcurl knows every option that is used");
  };
  set(CURLOPT_URL, transfer->request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_POST, 1L);
  set(CURLOPT_POSTFIELDS, transfer->request.body.data());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer->request.body.size()));
  set(CURLOPT_HTTPHEADER, transfer->headers.get());
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  // A folder of certificates that the library was built with would stay in force beside the file. It also keeps the
  // library from sharing what it has read of the file, which then costs ten times the work of an attempt.
  if (!trusted_file_.empty()) {
    set(CURLOPT_CAINFO, trusted_file_.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  // A connection is neither kept nor taken over: nobody's end of it stays open for nothing, and each attempt asks
  // the guard.
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  // Attempts made together share a look-up; one that is made again looks again.
  set(CURLOPT_DNS_CACHE_TIMEOUT, names_kept_seconds);
  // A name server that does not answer holds up nothing: its thread is left to end by itself.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
  set(CURLOPT_OPENSOCKETDATA, transfer.get());
  set(CURLOPT_HEADERFUNCTION, &Transfer::take_head);
  set(CURLOPT_HEADERDATA, transfer.get());
  set(CURLOPT_WRITEFUNCTION, &Transfer::take_body);
  set(CURLOPT_WRITEDATA, transfer.get());
  curl_multi_add_handle(multi_->handle, easy);
  multi_->transfers.emplace(easy, std::move(transfer));
}

std::vector<TransferEnd> Transfers::advance() {
  std::vector<TransferEnd> ended;
  if (multi_->transfers.empty()) return ended;
  int running = 0;
  curl_multi_perform(multi_->handle, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_->handle, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    CURL* const easy = message->easy_handle;
    const auto found = multi_->transfers.find(easy);
    ended.push_back(found->second->end(code));
    curl_multi_remove_handle(multi_->handle, easy);
    multi_->transfers.erase(found);
  }
  return ended;
}

void Transfers::wait(std::optional<base::BootTime> until) {
  alarm_.arm(until, std::nullopt);
  std::vector<curl_waitfd> extra;
  for (const int fd : alarm_.descriptors()) extra.push_back({fd, CURL_WAIT_POLLIN, 0});
  // It returns earlier for what libcurl itself has to do.
  curl_multi_poll(multi_->handle, extra.data(), static_cast<unsigned>(extra.size()),
                  std::numeric_limits<int>::max(), nullptr);
  alarm_.heard();
}

void Transfers::drop_all() { multi_->drop_all(); }

bool Transfers::empty() const { return multi_->transfers.empty(); }

}  // namespace longhaul::worker::webhooks
