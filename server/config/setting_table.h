// Every setting, declared once: this table makes the flag, the environment variable, the checks, the help and
// the documentation. A new setting is one new row here (and a member of the struct it sets).
//
// Three lists, by what they set: the server's own have a flag and a variable; those of a queue or a task type
// stand in the file, under [queues.NAME] and [tasks.NAME]. Pure values; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/config/setting_value.h"
#include "server/config/settings.h"
#include "worker/task_type.h"

namespace longhaul::server {

template <class Target>
struct Setting {
  std::string_view section;  // "server", "storage", "retention", "webhooks", "queues.NAME", "tasks.NAME"
  std::string_view name;
  ValueKind kind = ValueKind::text;
  std::string accepts;  // "1 to 100"; empty: any value of its kind
  std::string_view help;
  // Takes the value over, or says what is wrong: "must be ...".
  std::function<base::Result<void>(Target&, const SettingValue&)> set;
  // The value in a Target as one would write it in the file, or "none".
  std::function<std::string(const Target&)> show;
  bool is_secret = false;  // has no flag, which would show in the process list, and is never shown
  // Of a live one, which a reload takes up: makes `to` have it as `from` has it. Others wait for the next start.
  std::function<void(Target& to, const Target& from)> take_over = nullptr;
  [[nodiscard]] bool is_live() const { return take_over != nullptr; }
};

[[nodiscard]] std::vector<Setting<Settings>> server_settings();
// All of a queue and of a task type are live.
[[nodiscard]] std::vector<Setting<worker::QueueLimits>> queue_settings();
[[nodiscard]] std::vector<Setting<worker::TaskType>> task_settings();

// What a setting of the server is called outside the file. Those of [server] and [storage] go by their own
// name, max_open_tasks; those of other sections by both, retention_max_bytes.
[[nodiscard]] std::string option_of(const Setting<Settings>& setting);
// The names that follow from that: max_open_tasks -> --max-open-tasks, LONGHAUL_MAX_OPEN_TASKS.
[[nodiscard]] std::string flag_of(std::string_view option);
[[nodiscard]] std::string variable_of(std::string_view option);

}  // namespace longhaul::server
