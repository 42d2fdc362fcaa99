// The framer's head: request line, headers, and what they say about the body.
#include "server/http/request_framer.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "server/auth/ascii.h"
#include "server/http/request_target.h"
#include "server/http/token_chars.h"

namespace longhaul::server {
namespace {

using api::ErrorCode;

}  // namespace

RequestFramer::Progress RequestFramer::progress() const {
  switch (step_) {
    case Step::request_line:
    case Step::fields: return Progress::head;
    case Step::complete: return Progress::complete;
    case Step::refused: return Progress::refused;
    default: return Progress::body;
  }
}

std::size_t RequestFramer::feed(std::string_view bytes) {
  const std::size_t size = bytes.size();
  const bool in_head = progress() == Progress::head;
  if (step_ == Step::judged) begin_body();
  while (!bytes.empty() && (progress() == Progress::head || (!in_head && progress() == Progress::body))) {
    switch (step_) {
      case Step::request_line: take_request_line(bytes); break;
      case Step::fields: take_field(bytes); break;
      case Step::fixed_body: take_fixed_body(bytes); break;
      case Step::chunk_size: take_chunk_size(bytes); break;
      case Step::chunk_extension: take_chunk_extension(bytes); break;
      case Step::chunk_size_line_feed: take_exactly(bytes, '\n', Step::chunk_data); break;
      case Step::chunk_data: take_chunk_data(bytes); break;
      case Step::chunk_data_return: take_exactly(bytes, '\r', Step::chunk_data_line_feed); break;
      case Step::chunk_data_line_feed: take_exactly(bytes, '\n', Step::chunk_size); break;
      case Step::trailers: take_trailer(bytes); break;
      case Step::judged:
      case Step::complete:
      case Step::refused: break;
    }
  }
  return size - bytes.size();
}

// The limit is judged by the same count whether the line is whole or not, and before its content, so that the
// outcome does not depend on how the bytes were split.
RequestFramer::Line RequestFramer::take_line(std::string_view& bytes, std::size_t limit_bytes) {
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos) {
    if (partial_.size() + bytes.size() > limit_bytes + 1) return Line::too_long;  // one may be the CR
    partial_.append(bytes);
    bytes = {};
    return Line::partial;
  }
  if (partial_.size() + end + 1 > limit_bytes + 2) return Line::too_long;
  if (partial_.empty()) {
    line_ = bytes.substr(0, end);
  } else {
    partial_.append(bytes.substr(0, end));
    line_ = partial_;
  }
  bytes.remove_prefix(end + 1);
  if (line_.empty() || line_.back() != '\r') return Line::bad_end;
  line_.remove_suffix(1);
  return Line::whole;
}

void RequestFramer::take_request_line(std::string_view& bytes) {
  switch (take_line(bytes, limits_.request_line_bytes)) {
    case Line::partial: return;
    case Line::too_long:
      return refuse(ErrorCode::uri_too_long, "The request line may have at most " +
                                                 std::to_string(limits_.request_line_bytes) + " bytes.");
    case Line::bad_end: return refuse_malformed("The request line does not end with CR LF.");
    case Line::whole: break;
  }
  // Some clients send an empty line after a body (RFC 9112, section 2.2).
  if (line_.empty() && blank_lines_ == 0) {
    ++blank_lines_;
  } else {
    read_request_line(line_);
  }
  end_line();
}

void RequestFramer::read_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return refuse_malformed(
        "The request line must be a method, a target and a version, one space between each.");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (version.size() != 8 || version.substr(0, 5) != "HTTP/" || hex_value(version[5]) < 0 ||
      hex_value(version[5]) > 9 || version[6] != '.' || hex_value(version[7]) < 0 ||
      hex_value(version[7]) > 9) {
    return refuse_malformed("The request line does not end with a version such as HTTP/1.1.");
  }
  if (version[5] != '1' || version[7] > '1') {
    return refuse(ErrorCode::http_version_not_supported, "The server speaks HTTP/1.1 and HTTP/1.0.");
  }
  if (method.empty() || !all_in(token_bytes, method)) {
    return refuse_malformed("The method holds a character that methods cannot have.");
  }
  framing_.minor_version = version[7] - '0';
  request_.minor_version = framing_.minor_version;
  framing_.is_head = method == "HEAD";
  request_.method.assign(method);
  request_.target.assign(target);

  TargetParts parts;
  std::string_view fault = split_target(method, request_.target, parts);
  if (fault.empty() && !all_in(host_bytes, parts.authority))
    fault = "The URL in the request line has a malformed host.";
  if (!fault.empty()) return refuse_malformed(fault);
  encoded_path_ = parts.path;
  if (!decode_path(parts.path, request_.path).empty()) {
    repaired_path_ = repair_path(parts.path);
    encoded_path_ = repaired_path_;
    (void)decode_path(encoded_path_, request_.path);  // nothing is wrong with it any more
  }
  query_fault_ = decode_query(parts.query, request_.query);
  authority_ = parts.authority;
  step_ = Step::fields;
}

void RequestFramer::take_field(std::string_view& bytes) {
  const std::size_t room = limits_.header_bytes - std::min(limits_.header_bytes, header_bytes_ + 2);
  switch (take_line(bytes, room)) {
    case Line::partial: return;
    case Line::too_long:
      return refuse(
          ErrorCode::headers_too_large,
          "The headers may have at most " + std::to_string(limits_.header_bytes) + " bytes together.");
    case Line::bad_end: return refuse_malformed("A header line does not end with CR LF.");
    case Line::whole: break;
  }
  if (line_.empty()) {
    end_head();
  } else {
    read_field(line_);
  }
  end_line();
}

bool RequestFramer::check_field(std::string_view line, std::string_view& name, std::string_view& value) {
  header_bytes_ += line.size() + 2;
  if (++field_count_ > limits_.header_count) {
    refuse(ErrorCode::headers_too_large,
           "A request may have at most " + std::to_string(limits_.header_count) + " headers.");
    return false;
  }
  if (line.front() == ' ' || line.front() == '\t') {
    refuse_malformed("Header lines that continue the line before are not taken.");
    return false;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    refuse_malformed("A header line has no colon.");
    return false;
  }
  name = line.substr(0, colon);
  value = trim(line.substr(colon + 1));
  if (name.empty() || !all_in(token_bytes, name)) {
    refuse_malformed(
        "A header name is empty or holds a character that names cannot have, such as a space before the "
        "colon.");
    return false;
  }
  if (!all_in(field_value_bytes, value)) {
    refuse_malformed("A header value holds a control character.");
    return false;
  }
  return true;
}

void RequestFramer::read_field(std::string_view line) {
  std::string_view name;
  std::string_view value;
  if (!check_field(line, name, value)) return;
  const std::size_t index = request_.headers.size();
  auto& [kept_name, kept_value] = index < spare_headers_.size()
                                      ? request_.headers.emplace_back(std::move(spare_headers_[index]))
                                      : request_.headers.emplace_back();
  kept_name.assign(name);
  kept_value.assign(value);
  note_framing_field(name, value);
}

void RequestFramer::note_framing_field(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 4:
      if (!equal_ignoring_case(name, "host")) return;
      ++host_count_;
      host_index_ = request_.headers.size() - 1;
      return;
    case 6:
      if (!equal_ignoring_case(name, "expect")) return;
      if (equal_ignoring_case(value, "100-continue")) {
        framing_.expects_continue = true;
      } else {
        expectation_failed_ = true;
      }
      return;
    case 10:
      if (equal_ignoring_case(name, "connection")) note_connection(value);
      return;
    case 14:
      if (equal_ignoring_case(name, "content-length")) note_content_length(value);
      return;
    case 17:
      if (!equal_ignoring_case(name, "transfer-encoding")) return;
      ++transfer_encoding_count_;
      transfer_encoding_is_chunked_ = equal_ignoring_case(value, "chunked");
      return;
    default: return;
  }
}

void RequestFramer::note_content_length(std::string_view value) {
  if (framing_.has_content_length) return refuse_malformed("Content-Length is given twice.");
  framing_.has_content_length = true;
  const bool digits =
      !value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return refuse_malformed("Content-Length must be digits.");
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), framing_.content_length);
  if (parsed.ec != std::errc())
    framing_.content_length = UINT64_MAX;  // beyond every limit, and refused as such
}

void RequestFramer::note_connection(std::string_view value) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    const std::string_view option = trim(value.substr(0, comma));
    says_close_ = says_close_ || equal_ignoring_case(option, "close");
    says_keep_alive_ = says_keep_alive_ || equal_ignoring_case(option, "keep-alive");
    value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
  }
}

void RequestFramer::end_head() {
  if (!judge_host() || !judge_body_length() || !judge_expectation()) return;
  framing_.keep_alive = !says_close_ && (framing_.minor_version == 1 || says_keep_alive_);
  const bool has_body = framing_.chunked || framing_.content_length > 0;
  framing_.expects_continue = framing_.expects_continue && has_body && framing_.minor_version == 1;
  step_ = has_body ? Step::judged : Step::complete;
}

bool RequestFramer::judge_host() {
  if (host_count_ > 1 || (host_count_ == 0 && framing_.minor_version == 1)) {
    refuse_malformed("A request must have exactly one Host header.");
    return false;
  }
  if (host_count_ == 0) {
    if (!authority_.empty()) request_.headers.emplace_back("Host", authority_);
    return true;
  }
  std::string& host = request_.headers[host_index_].second;
  if (host.empty() || !all_in(host_bytes, host)) {
    refuse_malformed("The Host header does not name a host.");
    return false;
  }
  if (!authority_.empty()) host.assign(authority_);  // RFC 9112, section 3.2.2: the URL wins
  return true;
}

bool RequestFramer::judge_body_length() {
  if (transfer_encoding_count_ == 0) return true;
  if (framing_.has_content_length) {
    refuse_malformed("A request must not have both Content-Length and Transfer-Encoding.");
  } else if (transfer_encoding_count_ > 1) {
    refuse_malformed("Transfer-Encoding is given twice.");
  } else if (framing_.minor_version == 0) {
    refuse_malformed("HTTP/1.0 has no Transfer-Encoding.");
  } else if (!transfer_encoding_is_chunked_) {
    refuse(ErrorCode::method_not_implemented, "The only Transfer-Encoding the server takes is chunked.");
  } else {
    framing_.chunked = true;
    return true;
  }
  return false;
}

bool RequestFramer::judge_expectation() {
  if (!expectation_failed_ || framing_.minor_version == 0) return true;
  refuse(ErrorCode::expectation_failed, "The only expectation the server can meet is 100-continue.");
  return false;
}

void RequestFramer::refuse(ErrorCode code, std::string detail) {
  if (step_ == Step::refused) return;  // the first fault counts
  problem_ = {code, std::move(detail), {}, {}, {}, {}};
  step_ = Step::refused;
}

}  // namespace longhaul::server
