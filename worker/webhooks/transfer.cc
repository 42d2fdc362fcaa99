#include "worker/webhooks/transfer.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "api/limits.h"
#include "base/log.h"

namespace longhaul::worker::webhooks {
namespace {

constexpr std::size_t kept_answer_bytes = api::limits::delivery_answer_bytes;
// Who answers at more length is hung up on; what it said until then counts.
constexpr std::size_t answer_bytes_max = 64 * 1024;
constexpr std::size_t answer_head_bytes_max = 64 * 1024;
constexpr std::size_t long_body_bytes = 64 * 1024;
constexpr long names_kept_seconds = 2;

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
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9
    case CURLE_WRITE_ERROR: return TransferFault::connection_lost;
    default: return TransferFault::connect_failed;
  }
}

bool is_https(const std::string& url) { return ::strncasecmp(url.c_str(), "https:", 6) == 0; }

std::string with_port(const std::string& address, int port) {
  const bool is_v6 = address.find(':') != std::string::npos;
  return (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

// As the guard wants it; of no family when the text is no address.
sockaddr_storage address_of(const char* text, int port) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
  } else if (::inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
  }
  return storage;
}

std::string local_address(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  const bool is_v6 = address.ss_family == AF_INET6;
  const void* bytes = is_v6 ? static_cast<const void*>(&v6.sin6_addr) : &v4.sin_addr;
  if (::inet_ntop(address.ss_family, bytes, text.data(), text.size()) == nullptr) return {};
  return with_port(text.data(), ntohs(is_v6 ? v6.sin6_port : v4.sin_port));
}

}  // namespace

struct Transfer::Hooks {
  static bool is_refused(Transfer& transfer, const sockaddr& address) {
    const auto refusal = transfer.around_.options->guard->refusal_of_connection(address);
    if (refusal) base::log_debug("a delivery is kept from its address", {{"cause", *refusal}});
    return refusal.has_value();
  }

  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.remote_address_.clear();  // of a connection that it had before, and that was no good
    if (is_refused(transfer, address->addr)) {
      transfer.refused_ = true;
      return CURL_SOCKET_BAD;
    }
    transfer.connected_to_ = true;
    const int socket = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (socket >= 0) transfer.around_.sockets->opened(socket);
    return socket;
  }
  static int close_socket(void* sockets, curl_socket_t socket) {
    static_cast<SocketWatch*>(sockets)->closes(socket);
    return ::close(socket);
  }

  // There is a connection, new or kept, and nothing of the request was sent over it. What was an address for
  // deliveries when the connection was made need not be one now.
  static int judge(void* self, char* remote, char* local, int remote_port, int local_port) {
    auto& transfer = *static_cast<Transfer*>(self);
    const sockaddr_storage address = address_of(remote, remote_port);
    if (is_refused(transfer, reinterpret_cast<const sockaddr&>(address))) {
      transfer.refused_ = true;
      transfer.connected_to_ = false;
      return CURL_PREREQFUNC_ABORT;
    }
    std::string text = with_port(remote, remote_port);
    if (transfer.may_be_shared()) {
      // libcurl tries again by itself when a kept one is dead.
      if (!transfer.connection_.empty())
        static_cast<void>(transfer.around_.connections->leave(std::exchange(transfer.connection_, {}), true));
      std::string name = with_port(local, local_port) + ">" + text;
      if (!transfer.around_.connections->enter(name, transfer.around_.clock->boot())) {
        transfer.is_worn_out_ = true;
        return CURL_PREREQFUNC_ABORT;
      }
      transfer.connection_ = std::move(name);
    }
    transfer.remote_address_ = std::move(text);
    return CURL_PREREQFUNC_OK;
  }

  static std::size_t take_head(char* line, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    transfer.head_bytes_ += bytes;
    if (transfer.head_bytes_ > answer_head_bytes_max) return 0;
    const std::string_view text(line, bytes);
    if (text == "\r\n" || text == "\n") transfer.head_done_ = transfer.status() >= 200;
    return bytes;
  }

  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    transfer.answer_bytes_ += bytes;
    transfer.answer_.append(data, std::min(bytes, kept_answer_bytes - transfer.answer_.size()));
    return transfer.answer_bytes_ > answer_bytes_max ? 0 : bytes;
  }
};

void Transfer::FreeEasy::operator()(void* easy) const { curl_easy_cleanup(easy); }
void Transfer::FreeUrl::operator()(CURLU* url) const { curl_url_cleanup(url); }

Transfer::Transfer(const Surroundings& surroundings)
    : around_(surroundings),
      user_agent_("User-Agent: " + surroundings.options->user_agent),
      easy_(curl_easy_init()) {
  assert(easy_ != nullptr && "out of memory");
  set_once();
}

Transfer::~Transfer() = default;

Transfer& Transfer::of(void* handle) {
  char* self = nullptr;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &self);
  return *static_cast<Transfer*>(static_cast<void*>(self));
}

template <typename Value>
void Transfer::set(int option, Value value) {
  [[maybe_unused]] const CURLcode code =
      curl_easy_setopt(easy_.get(), static_cast<CURLoption>(option), value);
  assert(code == CURLE_OK && "libcurl knows every option that is used");
}

// What is so of every request.
void Transfer::set_once() {
  const Transfers::Options& options = *around_.options;
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_POST, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.timeout.count()));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  // A folder of certificates that the library was built with would stay in force beside the file. It also keeps the
  // library from sharing what it has read of the file, which then costs ten times the work of an attempt.
  if (!around_.trusted_file->empty()) {
    set(CURLOPT_CAINFO, around_.trusted_file->c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set(CURLOPT_MAXAGE_CONN, static_cast<long>(options.kept_unused.count()));
  set(CURLOPT_MAXLIFETIME_CONN, static_cast<long>(options.kept_at_all.count()));
  // Who begins several at once with a host waits to hear whether one connection carries them all.
  set(CURLOPT_PIPEWAIT, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  // Attempts made together share a look-up; one that is made again looks again.
  set(CURLOPT_DNS_CACHE_TIMEOUT, names_kept_seconds);
  // A name server that does not answer holds up nothing: its thread is left to end by itself.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_OPENSOCKETFUNCTION, &Hooks::open_socket);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_CLOSESOCKETFUNCTION, &Hooks::close_socket);
  set(CURLOPT_CLOSESOCKETDATA, around_.sockets);
  set(CURLOPT_PREREQFUNCTION, &Hooks::judge);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Hooks::take_head);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Hooks::take_body);
  set(CURLOPT_WRITEDATA, this);
}

// A handle mostly goes to the same URL again, and reading it is a good part of what libcurl does for a request.
void Transfer::set_url() {
  if (request_.url == url_text_) return;
  std::unique_ptr<CURLU, FreeUrl> url(
      curl_url());  // one that has held another would complete what lacks something
  assert(url != nullptr && "out of memory");
  const bool is_read = curl_url_set(url.get(), CURLUPART_URL, request_.url.c_str(), 0) == CURLUE_OK;
  // One that it cannot read is left to libcurl, which then says so.
  set(CURLOPT_CURLU, is_read ? url.get() : nullptr);
  set(CURLOPT_URL, is_read ? nullptr : request_.url.c_str());
  url_ = std::move(url);
  url_text_ = is_read ? request_.url : std::string();
}

void Transfer::set_headers() {
  headers_.clear();
  headers_.push_back({user_agent_.data(), nullptr});
  for (std::string& header : request_.headers) headers_.push_back({header.data(), nullptr});
  // What libcurl would add by itself: the second is a round trip before the body, if that is long.
  static char no_accept[] = "Accept:";
  static char no_expect[] = "Expect:";
  headers_.push_back({no_accept, nullptr});
  if (request_.body.size() >= long_body_bytes) headers_.push_back({no_expect, nullptr});
  for (std::size_t i = 1; i < headers_.size(); ++i) headers_[i - 1].next = &headers_[i];
  set(CURLOPT_HTTPHEADER, headers_.data());
}

void Transfer::prepare(TransferRequest request) {
  request_ = std::move(request);
  began_ = around_.clock->boot();
  is_https_ = is_https(request_.url);
  set_url();
  set(CURLOPT_HTTP_VERSION, static_cast<long>(is_https_ ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  set(CURLOPT_POSTFIELDS, request_.body.data());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  set_headers();
  prepare_attempt(false);
}

void Transfer::prepare_attempt(bool on_its_own_connection) {
  connection_.clear();
  remote_address_.clear();
  is_worn_out_ = refused_ = connected_to_ = head_done_ = false;
  head_bytes_ = answer_bytes_ = 0;
  answer_.clear();
  const auto spent = std::chrono::duration_cast<base::Milliseconds>(around_.clock->boot() - began_);
  const auto left = std::max(around_.options->timeout - spent, base::Milliseconds(1));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
  set(CURLOPT_FRESH_CONNECT, on_its_own_connection ? 1L : 0L);
  has_gone_again_ = on_its_own_connection;
}

bool Transfer::goes_again(int code) {
  if (has_gone_again_) return false;
  long made = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &made);
  const bool was_kept = made == 0;
  // The peer may close a connection in the moment that a request is sent over it. Mostly libcurl knows and tries again
  // by itself, but not when a part of a long body was sent.
  const bool was_lost =
      head_bytes_ == 0 && fault_of(static_cast<CURLcode>(code)) == TransferFault::connection_lost;
  if (!was_kept || !(is_worn_out_ || was_lost)) return false;
  leave_connection(true);
  prepare_attempt(true);
  return true;
}

TransferEnd Transfer::end(int code) {
  leave_connection(code != CURLE_OK);
  TransferEnd end;
  end.key = request_.key;
  if (head_done_) {
    // A whole head is an answer, whatever became of its body.
    end.status = status();
    curl_off_t wait = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &wait);
    if (wait > 0)
      end.retry_after = std::chrono::seconds(std::min<curl_off_t>(wait, std::numeric_limits<int>::max()));
  } else {
    end.fault =
        refused_ && !connected_to_ ? TransferFault::address_refused : fault_of(static_cast<CURLcode>(code));
    // There was a connection, whatever broke it off: a head that is too long for libcurl, for one.
    const bool was_connected = end.fault == TransferFault::connect_failed && !remote_address_.empty();
    if (end.fault == TransferFault::none || was_connected) end.fault = TransferFault::connection_lost;
  }
  end.remote_address = remote_address();
  end.answer = std::exchange(answer_, {});
  request_ = {};
  return end;
}

void Transfer::leave_connection(bool failed) {
  if (connection_.empty()) return;
  const std::string name = std::exchange(connection_, {});
  if (around_.connections->leave(name, failed)) close_connection(name);
}

// libcurl finds it dead when it would use it again, and lets it go.
void Transfer::close_connection(const std::string& name) {
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &socket);
  if (socket == CURL_SOCKET_BAD) return;
  // When somebody else has just come to use it, what libcurl names is the one that this handle had before.
  if (name.starts_with(local_address(socket) + ">")) ::shutdown(socket, SHUT_RDWR);
}

int Transfer::status() const {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

// Empty when no connection came about.
std::string Transfer::remote_address() const {
  if (!remote_address_.empty()) return remote_address_;
  if (refused_ && !connected_to_) return {};
  // No request was sent, but TLS may have failed on a connection.
  curl_off_t connected_us = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_CONNECT_TIME_T, &connected_us);
  if (connected_us == 0) return {};
  const char* address = nullptr;
  long port = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_PRIMARY_IP, &address);
  curl_easy_getinfo(easy_.get(), CURLINFO_PRIMARY_PORT, &port);
  if (address == nullptr || *address == '\0') return {};
  return with_port(address, static_cast<int>(port));
}

}  // namespace longhaul::worker::webhooks
