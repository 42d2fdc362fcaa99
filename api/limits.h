// Every limit that a caller can hit, in one place. Each is named in the answer that refuses, and tested.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace longhaul::api::limits {

// One request.
inline constexpr std::size_t request_line_bytes = 8 * 1024;
inline constexpr std::size_t header_bytes = 16 * 1024;
inline constexpr std::size_t header_count = 100;
inline constexpr std::size_t body_bytes = 1024 * 1024;
inline constexpr std::size_t body_bytes_max = 64 * 1024 * 1024;  // that a task type may allow
inline constexpr std::size_t request_id_chars = 128;
inline constexpr std::chrono::seconds head_time{10};  // from a request's first byte to the end of its headers
inline constexpr std::chrono::seconds body_time{60};  // from there to the end of its body
inline constexpr std::chrono::seconds idle_time{300};  // of a connection between two requests

// All requests together.
inline constexpr std::size_t bodies_in_flight_bytes = 256u * 1024 * 1024;
inline constexpr std::size_t connections = 60'000;

// JSON.
inline constexpr std::size_t json_depth = 64;

// A start.
inline constexpr std::size_t type_chars = 100;
inline constexpr std::size_t queue_chars = 100;
inline constexpr int priority_min = -100;
inline constexpr int priority_max = 100;
inline constexpr int max_attempts_min = 1;
inline constexpr int max_attempts_max = 100;
inline constexpr double duration_seconds_max = 10.0 * 366 * 24 * 3600;  // ten years
inline constexpr std::size_t tags = 16;
inline constexpr std::size_t tag_name_chars = 64;
inline constexpr std::size_t tag_value_chars = 256;
inline constexpr std::size_t idempotency_key_chars = 255;
inline constexpr std::size_t unique_key_chars = 255;
inline constexpr std::size_t cache_key_chars = 255;
inline constexpr std::size_t cancel_reason_chars = 500;
inline constexpr std::int64_t open_tasks = 1'000'000;

// An answer.
inline constexpr std::size_t listed_faults = 100;  // of one request; the detail says when there were more

// Reading.
inline constexpr double wait_seconds_max = 300;
inline constexpr std::size_t page_size_default = 50;
inline constexpr std::size_t page_size_max = 500;
// Of results; a page that has as much ends there and is continued, and a list by ids leaves out what is over.
inline constexpr std::size_t page_result_bytes = 4 * 1024 * 1024;
inline constexpr std::size_t ids_at_once = 100;
inline constexpr std::size_t log_page_lines = 1'000;
inline constexpr std::size_t waiting_ahead_counted = 1'000;

// An attempt.
inline constexpr std::size_t result_bytes = 1024 * 1024;
inline constexpr std::size_t cached_result_bytes =
    1024 * 1024;  // a greater one is not kept for starts to come
inline constexpr std::size_t log_bytes = 1024 * 1024;
inline constexpr std::size_t log_line_bytes = 8 * 1024;
inline constexpr std::size_t progress_message_chars = 500;

// Watching over it.
inline constexpr std::size_t named_queues = 100;  // in metrics; the rest is one line
inline constexpr std::size_t named_types = 200;   // in metrics; the rest is one line

// Streams.
inline constexpr std::int64_t kept_events = 10'000;               // for those who come back
inline constexpr std::size_t event_log_bytes = 16 * 1024 * 1024;  // of what these hold
inline constexpr std::size_t queued_events = 10'000;              // that the loop has still to tell
inline constexpr std::size_t event_followers = 10'000;            // streams of many tasks
inline constexpr std::size_t stream_waiting_bytes = 1024 * 1024;  // for one slow reader
inline constexpr std::size_t stream_backlog_bytes =
    32u * 1024 * 1024;                                        // for one slow reader, of results in events
inline constexpr std::size_t stream_waiting_events = 20'000;  // for one slow reader
inline constexpr std::size_t log_piece_lines = 128;           // read at once for a stream of a log
inline constexpr std::size_t log_piece_bytes = 64 * 1024;     // given to it at once, and one line more
inline constexpr std::size_t streams_waiting_bytes = 256u * 1024 * 1024;  // for all slow readers together

// WebSockets.
inline constexpr std::size_t socket_message_bytes = 64 * 1024;
inline constexpr std::size_t socket_subscriptions = 100;      // of one connection
inline constexpr std::size_t socket_requests_in_flight = 64;  // of one connection
inline constexpr std::chrono::seconds socket_ping_interval{25};
inline constexpr int socket_missed_pings = 2;  // then it is closed

// Webhooks.
inline constexpr std::size_t callback_url_chars = 2'048;
inline constexpr std::size_t delivered_result_bytes = 256 * 1024;
inline constexpr std::size_t delivery_answer_bytes = 4 * 1024;  // that are kept of the receiver's answer
inline constexpr std::size_t webhooks = 100;                    // registered
inline constexpr std::size_t webhook_names = 100;               // types, and queues, that one filter names
inline constexpr std::size_t webhook_description_chars = 500;
inline constexpr std::size_t webhook_secrets = 10;  // of one webhook at once, by rotating again and again
inline constexpr std::size_t kept_delivery_attempts = 100;  // of one delivery
inline constexpr std::size_t kept_test_deliveries = 10;     // of one webhook, that are over
inline constexpr std::size_t pending_test_deliveries = 10;  // of one webhook, that are not

}  // namespace longhaul::api::limits
