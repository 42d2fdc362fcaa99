// The closed list of codes that longhaul itself gives a task's `error`. A remote worker or program may give
// its own.
#pragma once

#include <string_view>

namespace longhaul::api::task_error {

inline constexpr std::string_view cancelled = "CANCELLED";
inline constexpr std::string_view deadline_exceeded = "DEADLINE_EXCEEDED";
inline constexpr std::string_view expired_before_start = "EXPIRED_BEFORE_START";
inline constexpr std::string_view attempt_timed_out = "ATTEMPT_TIMED_OUT";
inline constexpr std::string_view exit_code = "EXIT_CODE";
inline constexpr std::string_view killed_by_signal = "KILLED_BY_SIGNAL";
inline constexpr std::string_view out_of_memory = "OUT_OF_MEMORY";
inline constexpr std::string_view start_failed = "START_FAILED";  // the program could not be started
inline constexpr std::string_view worker_lost = "WORKER_LOST";    // the server or spawner died under it
inline constexpr std::string_view result_invalid = "RESULT_INVALID";
inline constexpr std::string_view result_too_large = "RESULT_TOO_LARGE";
inline constexpr std::string_view payload_invalid = "PAYLOAD_INVALID";
inline constexpr std::string_view task_exception = "TASK_EXCEPTION";  // code in a thread threw

}  // namespace longhaul::api::task_error
