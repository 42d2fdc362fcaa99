// A receiver of webhooks and callbacks, to copy: it verifies each one's signature as Standard Webhooks 1.0.0 says, and does not work
// again on what it has had before. Needs cpp-httplib (one header, https://github.com/yhirose/cpp-httplib) and OpenSSL's libcrypto:
//
//     g++ -std=c++20 -O2 examples/webhook_receiver.cc -o webhook_receiver -lcrypto -pthread
//     ./webhook_receiver --secret-file secret.txt
//
// The file holds the secret that 'longhaul webhooks add' has printed, or for callbacks that of 'longhaul webhooks secret'; while one
// takes the place of another, both, each on a line.
#include <httplib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iostream>
#include <mutex>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace {

constexpr std::int64_t oldest_seconds =
    5 * 60;  // what is older may be a copy that somebody has kept and sends again
constexpr std::size_t body_bytes_max = 16 * 1024 * 1024;
constexpr std::size_t ids_kept = 10'000;

using Bytes = std::vector<unsigned char>;

// ---- signatures

// What follows "whsec_" in a secret, decoded from base64.
Bytes key_of(std::string_view secret) {
  constexpr std::string_view prefix = "whsec_";
  if (secret.starts_with(prefix)) secret.remove_prefix(prefix.size());
  const std::string text(secret);
  Bytes key(text.size() / 4 * 3 + 3);
  const int size = EVP_DecodeBlock(key.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  const auto padding = static_cast<std::size_t>(std::count(text.begin(), text.end(), '='));
  if (size < 3 || padding > 2) throw std::runtime_error("a secret is not base64");
  // The last bytes stand for the padding.
  key.resize(static_cast<std::size_t>(size) - padding);
  return key;
}

std::string base64_of(const unsigned char* data, std::size_t size) {
  std::string text((size + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a zero
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), data, static_cast<int>(size));
  text.pop_back();
  return text;
}

std::string signature_of(const Bytes& key, const std::string& signed_text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest.data(), &size);
  return "v1," + base64_of(digest.data(), size);
}

// In a time that says nothing of where they differ.
bool are_equal(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool is_recent(const std::string& timestamp) {
  std::int64_t sent = 0;
  const char* const end = timestamp.data() + timestamp.size();
  const auto read = std::from_chars(timestamp.data(), end, sent);
  if (timestamp.empty() || read.ec != std::errc() || read.ptr != end || sent < 0) return false;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  return sent >= seconds - oldest_seconds && sent <= seconds + oldest_seconds;
}

// Whether somebody who knows one of the keys has sent this, just now. The sender signs with the old secret too while it
// changes: then there are several signatures, and one that fits is enough.
bool is_genuine(const std::vector<Bytes>& keys, const httplib::Request& request) {
  const std::string timestamp = request.get_header_value("webhook-timestamp");
  if (!is_recent(timestamp)) return false;
  const std::string text = request.get_header_value("webhook-id") + "." + timestamp + "." + request.body;
  std::istringstream signatures(request.get_header_value("webhook-signature"));
  for (std::string given; signatures >> given;) {
    for (const Bytes& key : keys) {
      if (are_equal(given, signature_of(key, text))) return true;
    }
  }
  return false;
}

// ---- what is done with them

// Called by several threads at once.
class Inbox {
 public:
  void take(const std::string& webhook_id, const std::string& body) {
    const std::lock_guard lock(mutex_);
    if (!seen_.insert(webhook_id).second) {
      std::cout << "had before: " << webhook_id << std::endl;
      return;
    }
    order_.push_back(webhook_id);
    if (order_.size() > ids_kept) {
      seen_.erase(order_.front());
      order_.pop_front();
    }
    work_on(body);
    ++count_;
  }

  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  // Yours to write, with a reader of JSON. data.revision grows with each change of a task: what has a smaller one than you
  // know of is old news.
  static void work_on(const std::string& body) { std::cout << "verified: " << body << std::endl; }

  mutable std::mutex mutex_;
  std::unordered_set<std::string> seen_;
  std::deque<std::string> order_;  // in which they came
  std::size_t count_ = 0;
};

// ---- the program

struct Options {
  std::string secret_file;
  std::string host = "127.0.0.1";
  int port = 9000;        // 0: a free one
  std::size_t count = 0;  // end after so many; 0: never
};

std::optional<Options> read_options(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string& value = arguments[i + 1];
    if (arguments[i] == "--secret-file") {
      options.secret_file = value;
    } else if (arguments[i] == "--listen") {
      const std::size_t colon = value.rfind(':');
      if (colon == std::string::npos) return std::nullopt;
      options.host = value.substr(0, colon);
      options.port = std::stoi(value.substr(colon + 1));
    } else if (arguments[i] == "--count") {
      options.count = std::stoul(value);
    } else {
      return std::nullopt;
    }
  }
  if (options.secret_file.empty() || arguments.size() % 2 != 0) return std::nullopt;
  return options;
}

std::vector<Bytes> read_keys(const std::string& path) {
  std::ifstream file(path);
  std::vector<Bytes> keys;
  for (std::string secret; file >> secret;) keys.push_back(key_of(secret));
  if (keys.empty()) throw std::runtime_error("there is no secret in " + path);
  return keys;
}

void receive(const Options& options, const std::vector<Bytes>& keys) {
  httplib::Server server;
  Inbox inbox;
  server.set_payload_max_length(body_bytes_max);
  server.set_read_timeout(std::chrono::seconds(10));
  server.Post(".*", [&](const httplib::Request& request, httplib::Response& response) {
    if (!is_genuine(keys, request)) {
      std::cout << "refused: the signature does not fit" << std::endl;
      response.status = 401;
      return;
    }
    // The answer goes out when this returns, so hand over here what takes longer than the sender waits. Whoever may not lose
    // an event writes it down here, and answers 500 when that fails: then it comes again.
    response.status = 204;
    inbox.take(request.get_header_value("webhook-id"), request.body);
  });
  server.set_logger([&](const httplib::Request&, const httplib::Response&) {
    if (options.count > 0 && inbox.count() >= options.count) server.stop();
  });
  const int port = options.port == 0 ? server.bind_to_any_port(options.host) : options.port;
  if (port < 0 || (options.port != 0 && !server.bind_to_port(options.host, port)))
    throw std::runtime_error("cannot listen there");
  std::cout << "listening on http://" << options.host << ":" << port << "/" << std::endl;
  server.listen_after_bind();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto options = read_options({argv + 1, argv + argc});
    if (!options) {
      std::cerr << "usage: webhook_receiver --secret-file FILE [--listen ADDRESS:PORT] [--count N]\n";
      return 2;
    }
    receive(*options, read_keys(options->secret_file));
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::cerr << "webhook_receiver: " << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
