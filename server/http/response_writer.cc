#include "server/http/response_writer.h"

#include <array>
#include <charconv>
#include <chrono>

#include "base/log.h"
#include "server/auth/ascii.h"
#include "server/http/token_chars.h"

namespace longhaul::server {
namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "";  // the phrase may be empty (RFC 9112, section 4)
  }
}

void append_number(std::string& out, std::size_t value) {
  std::array<char, 24> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

bool is_ours(std::string_view name) {
  switch (name.size()) {
    case 4: return equal_ignoring_case(name, "date");
    case 10: return equal_ignoring_case(name, "connection");
    case 12: return equal_ignoring_case(name, "x-request-id") || equal_ignoring_case(name, "content-type");
    case 14: return equal_ignoring_case(name, "content-length");
    case 17: return equal_ignoring_case(name, "transfer-encoding");
    default: return false;
  }
}

void append_headers(std::string& out, const Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (name.empty() || !all_in(token_bytes, name) || !all_in(field_value_bytes, value) || is_ours(name)) {
      base::log_error("an answer's header was left out: it is malformed or the transport's own");
      continue;
    }
    append_header(out, name, value);
  }
}

}  // namespace

bool ResponseWriter::append_head(std::string& out, const Response& response, const AnswerFraming& framing,
                                 std::string_view request_id, const Headers& extra) {
  const int status = response.status >= 200 && response.status <= 599 ? response.status : 500;
  const bool bodiless = status == 204 || status == 304;
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(status));
  out.append(" ").append(reason_of(status)).append("\r\n");
  append_header(out, "Date", date());
  if (!bodiless) {
    if (!response.body.empty()) append_header(out, "Content-Type", response.content_type);
    out.append("Content-Length: ");
    append_number(out, response.body.size());
    out.append("\r\n");
  }
  append_header(out, "X-Request-Id", request_id);
  if (!framing.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (framing.minor_version == 0) {
    out.append("Connection: keep-alive\r\n");
  }
  append_headers(out, response.headers);
  append_headers(out, extra);
  out.append("\r\n");
  return !bodiless && !framing.is_head && !response.body.empty();
}

void ResponseWriter::append_stream_head(std::string& out, const Response& response,
                                        std::string_view request_id, const Headers& extra) {
  const bool switches = response.status == 101;
  out.append(switches ? "HTTP/1.1 101 Switching Protocols\r\n" : "HTTP/1.1 200 OK\r\n");
  append_header(out, "Date", date());
  if (!switches) append_header(out, "Content-Type", response.content_type);
  append_header(out, "X-Request-Id", request_id);
  append_header(out, "Connection", switches ? "Upgrade" : "close");
  append_headers(out, response.headers);
  append_headers(out, extra);
  out.append("\r\n");
}

// RFC 9110, section 5.6.7, for instance "Sun, 06 Nov 1994 08:49:37 GMT".
std::string_view ResponseWriter::date() {
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.wall());
  const std::time_t second = now.time_since_epoch().count();
  if (second == date_second_) return date_;
  date_second_ = second;
  std::tm parts{};
  ::gmtime_r(&second, &parts);
  constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                days[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                parts.tm_min, parts.tm_sec);
  date_ = text.data();
  return date_;
}

}  // namespace longhaul::server
