// What the program `longhaul` returns, so that a script can tell what happened. One table, printed by --help
// and repeated in the README. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace longhaul::server {

enum class ExitCode : int {
  ok = 0,
  task_did_not_succeed = 1,
  usage = 2,
  refused = 3,
  unreachable = 4,
  unknown_id = 5,
  still_running = 6,
};

struct ExitCodeMeaning {
  ExitCode code;
  std::string_view meaning;
};

inline constexpr std::array<ExitCodeMeaning, 7> exit_code_table{{
    {ExitCode::ok, "it worked; with start --wait and watch: the task succeeded, or a kept result stood in"},
    {ExitCode::task_did_not_succeed,
     "the task failed, was cancelled or timed out; webhooks test, redeliver --wait: it was not delivered; "
     "serve, reload, backup, migrate: it could not be done; doctor: something is wrong; output could not "
     "be written"},
    {ExitCode::usage, "the command line or a setting is wrong"},
    {ExitCode::refused, "the server refused: code, reason and each faulty field are on stderr"},
    {ExitCode::unreachable, "no server answers there, or it cannot serve now: try again later"},
    {ExitCode::unknown_id, "there is no task, webhook or delivery with this id"},
    {ExitCode::still_running, "the wait ended before the task or the delivery did"},
}};

[[nodiscard]] inline std::string exit_code_help() {
  std::string text = "exit codes:";
  for (const auto& [code, meaning] : exit_code_table) {
    text += "\n  " + std::to_string(static_cast<int>(code)) + "  " + std::string(meaning);
  }
  return text;
}

}  // namespace longhaul::server
