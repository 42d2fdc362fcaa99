#include "server/cli/api_client.h"

#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "api/limits.h"
#include "server/auth/ascii.h"
#include "server/auth/host_name.h"

namespace longhaul::server {
namespace {

constexpr std::chrono::seconds connect_time{5};
constexpr std::chrono::seconds answer_time{30};  // beyond what the server was asked to wait

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

std::string target(const std::string& path, const NameValues& query) {
  std::string text = path;
  char joint = '?';
  for (const auto& [name, value] : query) {
    text += joint + escape_segment(name) + "=" + escape_segment(value);
    joint = '&';
  }
  return text;
}

// What happened and what to do, for when there is no answer.
std::string explain(httplib::Error error, const std::string& url) {
  const bool not_reached = error == httplib::Error::Connection || error == httplib::Error::ConnectionTimeout;
  if (not_reached) {
    return "no longhaul server answers at " + url +
           ".\nStart one with 'longhaul serve', or name another with --server URL or LONGHAUL_SERVER.";
  }
  return "the connection to " + url + " ended before its answer (" + httplib::to_string(error) +
         ").\nWhether the request was carried out is not known: ask for the task, or repeat a start with the "
         "same --idempotency-key.";
}

Answer answer_of(const httplib::Result& result, const std::string& url) {
  if (!result) return base::Failure{Unreachable{explain(result.error(), url)}};
  return Reply{result->status, result->body, result->get_header_value("Retry-After")};
}

constexpr std::chrono::seconds stream_silence{45};  // a server says something every 15 s
constexpr std::size_t max_refusal_bytes = 64 * 1024;

}  // namespace

std::string escape_segment(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += hex[byte >> 4];
    out += hex[byte & 0xF];
  }
  return out;
}

// "http://HOST[:PORT]" with the scheme as cpp-httplib knows it; it must not be asked to read a URL that is
// none.
base::Result<std::string> read_url(std::string url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
  const std::size_t mark = url.find("://");
  const std::string scheme = to_lower(url.substr(0, mark));
  if (mark != std::string::npos && scheme == "https") {
    return base::fail("this program speaks plain http only; '" + url + "' needs a proxy on this machine");
  }
  const auto host = mark == std::string::npos || scheme != "http"
                        ? std::nullopt
                        : parse_host(std::string_view(url).substr(mark + 3));
  if (!host) return base::fail("'" + url + "' is not the URL of a server, like http://127.0.0.1:8080");
  if (!host->port.empty() && (std::stoi(host->port) < 1 || std::stoi(host->port) > 65535))
    return base::fail("'" + url + "' has a port that is none: they go from 1 to 65535");
  return scheme + url.substr(mark);
}

base::Result<std::unique_ptr<ApiClient>> ApiClient::make(Options options) {
  auto url = read_url(std::move(options.url));
  if (!url) return base::Failure{url.error()};
  options.url = std::move(url).value();
  return std::unique_ptr<ApiClient>(new ApiClient(std::move(options)));
}

ApiClient::ApiClient(Options options)
    : options_(std::move(options)), client_(std::make_unique<httplib::Client>(options_.url)) {
  client_->set_keep_alive(true);
  client_->set_follow_location(false);
  client_->set_path_encode(false);  // target() has done it
  client_->set_connection_timeout(connect_time);
  client_->set_write_timeout(answer_time);
  if (options_.api_key) client_->set_bearer_token_auth(*options_.api_key);
}

ApiClient::~ApiClient() = default;

void ApiClient::expect_answer_within(double wait_seconds) {
  const double held_back = std::clamp(wait_seconds, 0.0, api::limits::wait_seconds_max);
  client_->set_read_timeout(answer_time + std::chrono::seconds(std::llround(held_back)));
}

Answer ApiClient::get(const std::string& path, const NameValues& query, double wait_seconds) {
  expect_answer_within(wait_seconds);
  return answer_of(client_->Get(target(path, query)), url());
}

Answer ApiClient::post(const std::string& path, const NameValues& query, const std::string& body,
                       const NameValues& headers, double wait_seconds) {
  expect_answer_within(wait_seconds);
  const httplib::Headers sent(headers.begin(), headers.end());
  return answer_of(client_->Post(target(path, query), sent, body, "application/json"), url());
}

Answer ApiClient::patch(const std::string& path, const std::string& body) {
  expect_answer_within(0);
  return answer_of(client_->Patch(path, body, "application/json"), url());
}

Answer ApiClient::remove(const std::string& path, const NameValues& query, double wait_seconds) {
  expect_answer_within(wait_seconds);
  return answer_of(client_->Delete(target(path, query)), url());
}

Answer ApiClient::stream(const std::string& path, const NameValues& query, const std::string& last_event_id,
                         const std::function<bool(std::string_view)>& take) {
  client_->set_read_timeout(stream_silence);
  httplib::Headers headers{{"Accept", "text/event-stream"}};
  if (!last_event_id.empty()) headers.emplace("Last-Event-ID", last_event_id);
  Reply reply;
  bool is_stream = false;
  const auto on_head = [&](const httplib::Response& head) {
    reply.status = head.status;
    reply.retry_after = head.get_header_value("Retry-After");
    is_stream = head.status == 200 && head.get_header_value("Content-Type").starts_with("text/event-stream");
    return true;
  };
  const auto on_bytes = [&](const char* data, std::size_t size) {
    if (is_stream) return take({data, size});
    reply.body.append(data, size);
    return reply.body.size() <= max_refusal_bytes;
  };
  const auto result = client_->Get(target(path, query), headers, on_head, on_bytes);
  if (is_stream) return reply;  // also one that broke
  if (!result) return base::Failure{Unreachable{explain(result.error(), url())}};
  if (reply.status == 200)
    return base::Failure{
        Unreachable{url() + " answered with something else than events. Is it a longhaul server?"}};
  return reply;
}

}  // namespace longhaul::server
