// Taking up changed settings in a running server: what can be (Setting::take_over, task types, queues) and what
// has to wait for the next start; and how the command `longhaul reload` hears of it.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/settings.h"

namespace longhaul::server {

// The settings that differ and are not live, by their names in the file: "server.listen".
[[nodiscard]] std::vector<std::string> waiting_for_restart(const Settings& running, const Settings& next);
// What a reload changes, for the log: task types and queues by name, live settings by theirs.
[[nodiscard]] std::vector<std::string> taken_up(const Settings& running, const Settings& next);

// `running` with what is live of `next`.
[[nodiscard]] Settings merged(const Settings& running, const Settings& next);

// What the server leaves in its lock file as it starts and after each reload (DatabaseLock::leave_note). Others that
// hold the lock (a migration, an older version) leave none: a signal would end them.
struct ReloadNote {
  std::int64_t started = 0;  // when the process was, in ticks since boot: a pid alone may be a stranger's
  std::int64_t count = 0;    // of reloads since the server started
  bool taken = false;
  std::string text;  // what came of it, for people; one line or more
};
// A text that is too long for a note (DatabaseLock::max_note_bytes) is cut.
[[nodiscard]] std::string to_text(const ReloadNote& note);
// Nothing when it is none, or not whole.
[[nodiscard]] std::optional<ReloadNote> read_reload_note(std::string_view text);

}  // namespace longhaul::server
