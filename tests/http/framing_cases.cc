#include "tests/http/framing_cases.h"

#include <string_view>

namespace longhaul::tests {
namespace {

using namespace std::string_literals;

std::string repeat(std::size_t times, std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

const std::string host = "Host: 127.0.0.1\r\n";

std::string with_headers(const std::string& lines) { return "GET /x HTTP/1.1\r\n" + host + lines + "\r\n"; }
std::string with_line(const std::string& line) { return line + "\r\n" + host + "\r\n"; }
std::string with_target(const std::string& target) { return with_line("GET " + target + " HTTP/1.1"); }
std::string with_body(const std::string& lines, const std::string& body) {
  return "POST /x HTTP/1.1\r\n" + host + lines + "\r\n" + body;
}
std::string chunked(const std::string& body) { return with_body("Transfer-Encoding: chunked\r\n", body); }

// A request line of exactly so many bytes.
std::string long_line(std::size_t bytes) { return "GET /" + std::string(bytes - 14, 'a') + " HTTP/1.1"; }
// Headers of exactly so many bytes, Host included.
std::string long_headers(std::size_t bytes) {
  return "GET /x HTTP/1.1\r\n" + host + "X: " + std::string(bytes - host.size() - 5, 'a') + "\r\n\r\n";
}

std::vector<RefusedRequest> bad_request_lines() {
  return {
      {"no spaces", 400, with_line("nonsense")},
      {"an empty method", 400, with_line(" /x HTTP/1.1")},
      {"no version", 400, with_line("GET /x")},
      {"two spaces before the target", 400, with_line("GET  /x HTTP/1.1")},
      {"two spaces after the target", 400, with_line("GET /x  HTTP/1.1")},
      {"a space after the version", 400, with_line("GET /x HTTP/1.1 ")},
      {"a space before the method", 400, with_line(" GET /x HTTP/1.1")},
      {"a tab for a space", 400, with_line("GET\t/x HTTP/1.1")},
      {"a separator in the method", 400, with_line("GE(T /x HTTP/1.1")},
      {"a byte beyond ASCII in the method", 400, with_line("G\xC3\x8ET /x HTTP/1.1")},
      {"a NUL in the method", 400, with_line("GE\0T /x HTTP/1.1"s)},
      {"a lower-case version", 400, with_line("GET /x http/1.1")},
      {"a version of too many digits", 400, with_line("GET /x HTTP/1.11")},
      {"a version of letters", 400, with_line("GET /x HTTP/a.b")},
      {"HTTP/2.0", 505, with_line("GET /x HTTP/2.0")},
      {"HTTP/1.2", 505, with_line("GET /x HTTP/1.2")},
      {"HTTP/0.9 by number", 505, with_line("GET /x HTTP/0.9")},
      {"the preface of HTTP/2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"a line end of LF alone", 400, "GET /x HTTP/1.1\nHost: a\r\n\r\n"},
      {"a bare CR in the line", 400, with_line("GET /x\r HTTP/1.1")},
      {"a bare CR at its end", 400, with_line("GET /x HTTP/1.1\r")},
      {"two empty lines before it", 400, "\r\n\r\nGET /x HTTP/1.1\r\n" + host + "\r\n"},
      {"a line one byte too long", 414, long_line(8193) + "\r\n" + host + "\r\n"},
      {"a line without an end", 414, "GET /" + std::string(9000, 'a')},
      {"a long line of nothing", 414, std::string(9000, ' ')},
      {"a TLS hello", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"s},
  };
}

std::vector<RefusedRequest> bad_targets() {
  return {
      {"no leading slash", 400, with_target("x")},
      {"a NUL in the target", 400, with_target("/a\0b"s)},
      {"a byte beyond ASCII", 400, with_target("/\xC3\xA4")},
      {"a control character", 400, with_target("/a\x01")},
      {"a DEL", 400, with_target("/a\x7f")},
      {"a fragment", 400, with_target("/a#b")},
      {"an asterisk for GET", 400, with_target("*")},
      {"https", 400, with_target("https://127.0.0.1/x")},
      {"a URL without a host", 400, with_target("http:///x")},
      {"a URL with a user's name", 400, with_target("http://me@127.0.0.1/x")},
      {"the form of CONNECT", 400, with_line("CONNECT 127.0.0.1:80 HTTP/1.1")},
  };
}

std::vector<RefusedRequest> bad_headers() {
  return {
      {"no Host", 400, "GET /x HTTP/1.1\r\n\r\n"},
      {"two Hosts", 400, with_headers("Host: a\r\n")},
      {"two Hosts, the same", 400, with_headers(host)},
      {"an empty Host", 400, "GET /x HTTP/1.1\r\nHost:\r\n\r\n"},
      {"a Host with a space", 400, "GET /x HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {"a Host with a slash", 400, "GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"two Hosts in HTTP/1.0", 400, "GET /x HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"},
      {"a space before the colon", 400, with_headers("X : y\r\n")},
      {"a tab before the colon", 400, with_headers("X\t: y\r\n")},
      {"a space before the name", 400, with_headers(" X: y\r\n")},
      {"a folded line", 400, with_headers("X: y\r\n z\r\n")},
      {"a line folded with a tab", 400, with_headers("X: y\r\n\tz\r\n")},
      {"the first line folded", 400, "GET /x HTTP/1.1\r\n Host: a\r\n\r\n"},
      {"no colon", 400, with_headers("Nonsense\r\n")},
      {"an empty name", 400, with_headers(": y\r\n")},
      {"a separator in a name", 400, with_headers("X(y): z\r\n")},
      {"a NUL in a name", 400, with_headers("X\0: z\r\n"s)},
      {"a NUL in a value", 400, with_headers("X: a\0b\r\n"s)},
      {"a control character in a value", 400, with_headers("X: a\x02"s + "b\r\n")},
      {"a DEL in a value", 400, with_headers("X: a\x7f\r\n")},
      {"a bare CR in a value", 400, with_headers("X: a\rContent-Length: 5\r\n")},
      {"a bare LF in a value", 400, with_headers("X: a\nContent-Length: 5\r\n")},
      {"a line end of CR CR LF", 400, with_headers("X: a\r\r\n")},
      {"an end of LF LF", 400, "GET /x HTTP/1.1\r\nHost: a\n\n"},
      {"an end of CR LF LF", 400, "GET /x HTTP/1.1\r\nHost: a\r\n\n"},
      {"a header too many", 431, with_headers(repeat(100, "X: y\r\n"))},
      {"one byte of headers too many", 431, long_headers(16385)},
      {"many headers that are too many bytes", 431,
       with_headers(repeat(90, "X: " + std::string(200, 'a') + "\r\n"))},
      {"a header without an end", 431, "GET /x HTTP/1.1\r\n" + host + "X: " + std::string(17000, 'a')},
  };
}

std::vector<RefusedRequest> bad_lengths() {
  return {
      {"length and chunks", 400,
       with_body("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {"chunks and length", 400,
       with_body("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")},
      {"chunks and a length of nothing", 400,
       with_body("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n")},
      {"two lengths", 400, with_body("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!")},
      {"two lengths, the same", 400, with_body("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")},
      {"a list of lengths", 400, with_body("Content-Length: 5, 5\r\n", "hello")},
      {"a negative length", 400, with_body("Content-Length: -1\r\n", "")},
      {"a signed length", 400, with_body("Content-Length: +5\r\n", "hello")},
      {"a hexadecimal length", 400, with_body("Content-Length: 0x5\r\n", "hello")},
      {"a length with a space inside", 400, with_body("Content-Length: 5 5\r\n", "hello")},
      {"a length with a fraction", 400, with_body("Content-Length: 5.0\r\n", "hello")},
      {"an empty length", 400, with_body("Content-Length:\r\n", "")},
      {"a length beyond 64 bits", 413, with_body("Content-Length: 18446744073709551621\r\n", "hello")},
      {"a length beyond the limit", 413, with_body("Content-Length: 1048577\r\n", "h")},
      {"gzip", 501, with_body("Transfer-Encoding: gzip\r\n", "")},
      {"gzip and chunks", 501, with_body("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")},
      {"chunks and something", 501, with_body("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")},
      {"chunks in quotes", 501, with_body("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")},
      {"chunks with a parameter", 501, with_body("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n")},
      {"chunks hidden by a letter", 501, with_body("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")},
      {"an empty coding", 501, with_body("Transfer-Encoding:\r\n", "")},
      {"two codings", 400,
       with_body("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n")},
      {"chunks twice", 400,
       with_body("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {"chunks hidden by a vertical tab", 400, with_body("Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n")},
      {"chunks in HTTP/1.0", 400,
       "POST /x HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"an expectation nobody knows", 417, with_body("Content-Length: 2\r\nExpect: magic\r\n", "{}")},
      {"two expectations, one unknown", 417,
       with_body("Content-Length: 2\r\nExpect: 100-continue\r\nExpect: magic\r\n", "{}")},
  };
}

std::vector<RefusedRequest> bad_chunks() {
  return {
      {"a negative chunk", 400, chunked("-5\r\nhello\r\n0\r\n\r\n")},
      {"a signed chunk", 400, chunked("+5\r\nhello\r\n0\r\n\r\n")},
      {"a chunk with 0x", 400, chunked("0x5\r\nhello\r\n0\r\n\r\n")},
      {"a chunk without a size", 400, chunked("\r\nhello\r\n0\r\n\r\n")},
      {"a chunk of letters", 400, chunked("g\r\nhello\r\n0\r\n\r\n")},
      {"a space before the size", 400, chunked(" 5\r\nhello\r\n0\r\n\r\n")},
      {"a space after the size", 400, chunked("5 \r\nhello\r\n0\r\n\r\n")},
      {"a space before the extension", 400, chunked("5 ;a\r\nhello\r\n0\r\n\r\n")},
      {"an underscore in the size", 400, chunked("1_0\r\nhello\r\n0\r\n\r\n")},
      {"a size beyond 64 bits", 400, chunked("10000000000000005\r\nhello\r\n0\r\n\r\n")},
      {"a size of many zeros", 400, chunked("0000000000000005\r\nhello\r\n0\r\n\r\n")},
      {"a size beyond the limit", 413, chunked("100001\r\n")},
      {"a size line that ends with LF", 400, chunked("5\nhello\r\n0\r\n\r\n")},
      {"a size line that ends with CR", 400, chunked("5\rhello\r\n0\r\n\r\n")},
      {"a bare LF in an extension", 400, chunked("5;a\nhello\r\n0\r\n\r\n")},
      {"a bare CR in an extension", 400, chunked("5;a\rb\r\nhello\r\n0\r\n\r\n")},
      {"a NUL in an extension", 400, chunked("5;a\0b\r\nhello\r\n0\r\n\r\n"s)},
      {"an endless extension", 400, chunked("5;" + std::string(2000, 'a'))},
      {"many extensions", 400, chunked(repeat(30, "1;" + std::string(60, 'a') + "\r\nx\r\n"))},
      {"data longer than its size", 400, chunked("5\r\nhello!\r\n0\r\n\r\n")},
      {"data that ends with LF", 400, chunked("5\r\nhello\n0\r\n\r\n")},
      {"data without an end", 400, chunked("5\r\nhello0\r\n\r\n")},
      {"a folded trailer", 400, chunked("0\r\nX: y\r\n z\r\n\r\n")},
      {"a trailer without a colon", 400, chunked("0\r\nnonsense\r\n\r\n")},
      {"a trailer with a bare LF", 400, chunked("0\r\nX: y\n\r\n")},
      {"trailers too many", 431, chunked("0\r\n" + repeat(99, "X: y\r\n") + "\r\n")},
      {"trailers too large", 431, chunked("0\r\nX: " + std::string(17000, 'a') + "\r\n\r\n")},
  };
}

}  // namespace

std::vector<RefusedRequest> refused_requests() {
  std::vector<RefusedRequest> all;
  for (auto&& part : {bad_request_lines(), bad_targets(), bad_headers(), bad_lengths(), bad_chunks()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

namespace {

// Where such a request ends is certain, so that the connection is kept; what it asks for is nowhere.
std::vector<AcceptedRequest> targets_that_are_no_text() {
  return {
      {"an escape cut short", with_target("/a%4")},
      {"an escape of one byte", with_target("/a%")},
      {"an escape that is not hexadecimal", with_target("/a%zz")},
      {"an escape in the style of %u", with_target("/%u0041")},
      {"an encoded NUL", with_target("/a%00b")},
      {"an encoded CR", with_target("/a%0db")},
      {"an encoded LF", with_target("/a%0Ab")},
      {"an encoded control character", with_target("/a%01b")},
      {"encoded bytes that are not UTF-8", with_target("/a%ff")},
      {"an overlong encoding of a slash", with_target("/a%c0%af")},
      {"a broken escape in the query", with_target("/a?b=%x1")},
      {"a query that is not UTF-8", with_target("/a?b=%ff")},
  };
}

std::vector<AcceptedRequest> sound_requests() {
  return {
      {"the simplest", with_headers("")},
      {"one empty line before it", "\r\n" + with_headers("")},
      {"HTTP/1.0 without Host", "GET /x HTTP/1.0\r\n\r\n"},
      {"the longest line", long_line(8192) + "\r\n" + host + "\r\n"},
      {"the largest headers", long_headers(16384)},
      {"as many headers as may be", with_headers(repeat(99, "X: y\r\n"))},
      {"an unknown method", with_line("BREW /pot HTTP/1.1")},
      {"all a method may hold", with_line("!#$%&'*+-.^_`|~aZ9 /x HTTP/1.1")},
      {"a value beyond ASCII", with_headers("X: \xC3\xA4\xff\r\n")},
      {"a value of tabs and spaces", with_headers("X: \t a\tb \t\r\n")},
      {"a colon in a value", with_headers("X:::\r\n")},
      {"OPTIONS of everything", with_line("OPTIONS * HTTP/1.1")},
      {"a URL", with_target("http://127.0.0.1:80/x?y")},
      {"encoded characters", with_target("/%C3%A4%20%2F%25?q=%0a+%26")},
      {"characters that need no encoding here", with_target("/a|b{c}\"<>^`\\?[x]=~")},
      {"a v6 Host", "GET /x HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"},
      {"a body", with_body("Content-Length: 5\r\n", "hello")},
      {"a length with zeros in front", with_body("Content-Length: 0005\r\n", "hello")},
      {"a body of nothing", with_body("Content-Length: 0\r\n", "")},
      {"a body that looks like a request", with_body("Content-Length: 20\r\n", "GET / HTTP/1.1\r\n\r\n\r\n")},
      {"chunks", chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")},
      {"chunks in capitals", with_body("TRANSFER-ENCODING: CHUNKED\r\n", "A\r\n0123456789\r\n0\r\n\r\n")},
      {"no chunk but the last", chunked("0\r\n\r\n")},
      {"a chunk size with zeros in front", chunked("00000005\r\nhello\r\n000\r\n\r\n")},
      {"extensions", chunked("5;a=b;c=\"d e\"\r\nhello\r\n0;last\r\n\r\n")},
      {"trailers", chunked("5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 7\r\n\r\n")},
      {"an expectation", with_body("Content-Length: 2\r\nExpect: 100-Continue\r\n", "{}")},
      {"an unknown expectation in HTTP/1.0",
       "POST /x HTTP/1.0\r\nExpect: magic\r\nContent-Length: 1\r\n\r\na"},
      {"three in a row",
       with_headers("") + with_body("Content-Length: 2\r\n", "ab") + chunked("1\r\nx\r\n0\r\n\r\n"), 3},
      {"an empty line between two", with_body("Content-Length: 2\r\n", "ab") + "\r\n" + with_headers(""), 2},
  };
}

}  // namespace

std::vector<AcceptedRequest> accepted_requests() {
  std::vector<AcceptedRequest> all = targets_that_are_no_text();
  for (auto&& request : sound_requests()) all.push_back(request);
  return all;
}

std::vector<std::string> all_requests() {
  std::vector<std::string> all;
  for (const auto& item : refused_requests()) all.push_back(item.bytes);
  for (const auto& item : accepted_requests()) all.push_back(item.bytes);
  return all;
}

}  // namespace longhaul::tests
