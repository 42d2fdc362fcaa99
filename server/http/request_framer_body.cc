// The framer's body: by length, or in chunks (RFC 9112, sections 6 and 7.1).
#include <algorithm>
#include <utility>

#include "server/http/request_framer.h"
#include "server/http/token_chars.h"

namespace longhaul::server {
namespace {

using api::ErrorCode;

// Eight digits are 4 GiB, beyond every limit; more could only be meant to overflow somebody.
constexpr std::size_t chunk_size_digits_max = 8;
// Nobody is known to use chunk extensions; they are skipped, within bounds.
constexpr std::size_t extension_bytes_max = 1024;
// An announced length is believed so far; beyond it, memory is taken as bytes come.
constexpr std::size_t reserved_body_bytes = 64 * 1024;
// Memory kept from one request for the next.
constexpr std::size_t kept_body_capacity = 16 * 1024;

}  // namespace

void RequestFramer::begin_body() {
  if (step_ != Step::judged) return;
  if (framing_.chunked) {
    begin_chunk();
  } else if (framing_.content_length > limits_.body_bytes) {
    refuse_body_size();
  } else {
    remaining_ = framing_.content_length;
    if (!discards_body_)
      request_.body.reserve(std::min<std::size_t>(framing_.content_length, reserved_body_bytes));
    step_ = Step::fixed_body;
  }
}

void RequestFramer::keep_body(std::string_view bytes) {
  body_bytes_ += bytes.size();
  if (!discards_body_) request_.body.append(bytes);
}

void RequestFramer::take_fixed_body(std::string_view& bytes) {
  const auto part =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size())));
  keep_body(part);
  bytes.remove_prefix(part.size());
  remaining_ -= part.size();
  if (remaining_ == 0) step_ = Step::complete;
}

void RequestFramer::begin_chunk() {
  remaining_ = 0;
  chunk_digits_ = 0;
  step_ = Step::chunk_size;
}

void RequestFramer::take_chunk_size(std::string_view& bytes) {
  const char c = bytes.front();
  bytes.remove_prefix(1);
  if (const int digit = hex_value(c); digit >= 0) {
    if (++chunk_digits_ > chunk_size_digits_max) return refuse_malformed("A chunk size has too many digits.");
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
    return;
  }
  if (chunk_digits_ == 0 || (c != '\r' && c != ';')) {
    return refuse_malformed("A chunk size must be hexadecimal digits and nothing else.");
  }
  if (remaining_ > limits_.body_bytes - body_bytes_) return refuse_body_size();
  step_ = c == ';' ? Step::chunk_extension : Step::chunk_size_line_feed;
}

void RequestFramer::take_chunk_extension(std::string_view& bytes) {
  const char c = bytes.front();
  bytes.remove_prefix(1);
  if (c == '\r') {
    step_ = Step::chunk_size_line_feed;
    return;
  }
  if (!field_value_bytes[static_cast<unsigned char>(c)]) {
    return refuse_malformed("A chunk extension holds a control character.");
  }
  if (++extension_bytes_ > extension_bytes_max) refuse_malformed("The chunk extensions are too long.");
}

void RequestFramer::take_chunk_data(std::string_view& bytes) {
  const auto part =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size())));
  keep_body(part);
  bytes.remove_prefix(part.size());
  remaining_ -= part.size();
  if (remaining_ == 0) step_ = Step::chunk_data_return;
}

void RequestFramer::take_exactly(std::string_view& bytes, char expected, Step next) {
  if (bytes.front() != expected)
    return refuse_malformed("A chunk does not end with CR LF where its size says so.");
  bytes.remove_prefix(1);
  if (next == Step::chunk_data && remaining_ == 0) {
    step_ = Step::trailers;
  } else if (next == Step::chunk_size) {
    begin_chunk();
  } else {
    step_ = next;
  }
}

// Trailers are held to the rules of headers, count with them, and are dropped.
void RequestFramer::take_trailer(std::string_view& bytes) {
  const std::size_t room = limits_.header_bytes - std::min(limits_.header_bytes, header_bytes_ + 2);
  switch (take_line(bytes, room)) {
    case Line::partial: return;
    case Line::too_long:
      return refuse(ErrorCode::headers_too_large, "Headers and trailers may have at most " +
                                                      std::to_string(limits_.header_bytes) +
                                                      " bytes together.");
    case Line::bad_end: return refuse_malformed("A trailer line does not end with CR LF.");
    case Line::whole: break;
  }
  std::string_view name;
  std::string_view value;
  if (line_.empty()) {
    step_ = Step::complete;
  } else {
    (void)check_field(line_, name, value);
  }
  end_line();
}

void RequestFramer::refuse_body_size() {
  refuse(ErrorCode::body_too_large,
         "The body may have at most " + std::to_string(limits_.body_bytes) + " bytes.");
}

void RequestFramer::reset() {
  step_ = Step::request_line;
  framing_ = {};
  encoded_path_ = query_fault_ = {};
  authority_ = {};
  partial_.clear();
  blank_lines_ = header_bytes_ = field_count_ = 0;
  host_count_ = host_index_ = transfer_encoding_count_ = 0;
  transfer_encoding_is_chunked_ = expectation_failed_ = says_close_ = says_keep_alive_ = false;
  discards_body_ = false;
  remaining_ = body_bytes_ = 0;
  chunk_digits_ = extension_bytes_ = 0;
  request_.minor_version = 1;
  request_.method.clear();
  request_.path.clear();
  request_.target.clear();
  request_.query.clear();
  request_.path_parameters.clear();
  request_.request_id.clear();
  std::swap(spare_headers_, request_.headers);
  request_.headers.clear();
  if (request_.body.capacity() > kept_body_capacity) {
    request_.body = std::string();
  } else {
    request_.body.clear();
  }
}

}  // namespace longhaul::server
