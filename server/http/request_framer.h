// Cuts a stream of bytes into HTTP/1.1 requests, strictly (RFC 9110, RFC 9112): bytes in, one whole request
// or one problem out. Pure: no sockets, no clock, no threads of its own.
//
// Promise: however the bytes are split over calls, the outcome is the same, and each byte is looked at a
// bounded number of times. What two servers could read in two ways is refused: Content-Length with
// Transfer-Encoding or twice, folded headers, line ends other than CR LF, control characters, spaces before a
// colon, chunk sizes that are more than hexadecimal digits.
//
// Use: feed() until progress() is complete or refused, then take request() and reset(). feed() stops after
// the head, so that the head can be judged before a byte of the body is taken. Not thread-safe. Reused, it
// keeps the memory of small requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/limits.h"
#include "api/problem.h"
#include "server/http/http_server.h"

namespace longhaul::server {

struct FramerLimits {
  std::size_t request_line_bytes = api::limits::request_line_bytes;
  std::size_t header_bytes = api::limits::header_bytes;
  std::size_t header_count = api::limits::header_count;
  std::size_t body_bytes = api::limits::body_bytes;
};

class RequestFramer {
 public:
  enum class Progress : std::uint8_t { head, body, complete, refused };

  // What the head says about the message; good once progress() is beyond head.
  struct Framing {
    int minor_version = 1;  // of HTTP/1.x
    bool is_head =
        false;  // the answer must have no body; good even for a refused head whose first line was sound
    bool keep_alive = false;
    bool expects_continue = false;
    bool chunked = false;
    bool has_content_length = false;
    std::uint64_t content_length = 0;
  };

  explicit RequestFramer(const FramerLimits& limits) : limits_(limits) {}

  // Takes bytes up to the end of the head or of the request, whichever comes first, and returns how many.
  std::size_t feed(std::string_view bytes);

  [[nodiscard]] Progress progress() const;
  [[nodiscard]] const Framing& framing() const { return framing_; }
  [[nodiscard]] const api::Problem& problem() const { return problem_; }  // when refused

  // Method, target, path, headers and query are filled when the head is complete, the body when the request
  // is. For a URL as target the Host header holds the URL's host. Before that, it holds what has been read.
  // request_id, peer and path_parameters are left to others.
  [[nodiscard]] Request& request() { return request_; }
  [[nodiscard]] std::string_view encoded_path() const { return encoded_path_; }
  // What is wrong with the query, in words; empty: nothing. The framing is sound in spite of it, and so is a
  // path that is no text: of that, what cannot be decoded reads as U+FFFD.
  [[nodiscard]] std::string_view query_fault() const { return query_fault_; }

  // To be called once the head has been judged, before the body is fed: refuses an announced body beyond the
  // limit.
  void begin_body();
  // What is left of the body is checked as before but not kept.
  void discard_body() { discards_body_ = true; }

  // Ready for the next request.
  void reset();

 private:
  enum class Step : std::uint8_t {
    request_line,
    fields,
    judged,
    fixed_body,
    chunk_size,
    chunk_extension,
    chunk_size_line_feed,
    chunk_data,
    chunk_data_return,
    chunk_data_line_feed,
    trailers,
    complete,
    refused
  };
  enum class Line : std::uint8_t { whole, partial, too_long, bad_end };

  [[nodiscard]] Line take_line(std::string_view& bytes, std::size_t limit_bytes);
  void end_line() { partial_.clear(); }
  void take_request_line(std::string_view& bytes);
  void read_request_line(std::string_view line);
  void take_field(std::string_view& bytes);
  [[nodiscard]] bool check_field(std::string_view line, std::string_view& name, std::string_view& value);
  void read_field(std::string_view line);
  void note_framing_field(std::string_view name, std::string_view value);
  void note_content_length(std::string_view value);
  void note_connection(std::string_view value);
  void end_head();
  [[nodiscard]] bool judge_host();
  [[nodiscard]] bool judge_body_length();
  [[nodiscard]] bool judge_expectation();

  void take_fixed_body(std::string_view& bytes);
  void take_chunk_size(std::string_view& bytes);
  void take_chunk_extension(std::string_view& bytes);
  void take_chunk_data(std::string_view& bytes);
  void take_exactly(std::string_view& bytes, char expected, Step next);
  void take_trailer(std::string_view& bytes);
  void begin_chunk();
  void keep_body(std::string_view bytes);

  void refuse(api::ErrorCode code, std::string detail);
  void refuse_malformed(std::string_view detail) {
    refuse(api::ErrorCode::malformed_request, std::string(detail));
  }
  void refuse_body_size();

  const FramerLimits limits_;
  Step step_ = Step::request_line;
  Framing framing_;
  Request request_;
  std::string_view encoded_path_;  // into request_.target or repaired_path_
  std::string repaired_path_;
  std::string_view query_fault_;  // a static text
  std::string_view authority_;    // into request_.target
  api::Problem problem_;

  std::string partial_;    // a line of which the end is still to come
  std::string_view line_;  // the line that take_line() found, without CR LF
  std::size_t blank_lines_ = 0;
  std::size_t header_bytes_ = 0;  // of the lines taken, trailers too
  std::size_t field_count_ = 0;   // headers and trailers
  Headers spare_headers_;         // of the request before: their memory is used again

  std::size_t host_count_ = 0;
  std::size_t host_index_ = 0;  // into request_.headers
  std::size_t transfer_encoding_count_ = 0;
  bool transfer_encoding_is_chunked_ = false;
  bool expectation_failed_ = false;
  bool says_close_ = false;
  bool says_keep_alive_ = false;

  bool discards_body_ = false;
  std::uint64_t remaining_ = 0;  // of the body or of the chunk
  std::uint64_t body_bytes_ = 0;
  std::size_t chunk_digits_ = 0;
  std::size_t extension_bytes_ = 0;
};

}  // namespace longhaul::server
