#include "server/config/settings_markdown.h"

#include <string_view>
#include <type_traits>
#include <vector>

#include "server/config/setting_table.h"

namespace longhaul::server {
namespace {

constexpr std::string_view introduction = R"(# Configuration

<!-- Written by `longhaul settings --markdown` from server/config/setting_table.cc. Do not edit. -->

longhaul runs without any configuration. What can be set comes from four places; the first that says something
wins:

1. a flag of `longhaul serve`
2. an environment variable
3. the file given with `longhaul serve --config FILE`, in [TOML](https://toml.io)
4. the default

A name that is not known, or a value that does not fit, stops the start. The message names the file, the line
and the nearest name that is known, so that a slip of the pen is not ignored.

```toml
[server]
listen = "127.0.0.1:8080"

[storage]
database = "longhaul.db"

[queues.default]
concurrency = 4

[tasks.wordcount]
command = ["python3", "examples/wordcount.py"]
timeout_seconds = 60
max_attempts = 3
```

Durations are in seconds, and fractions are fine. In a flag or a variable, the parts of a list are separated
by commas. Paths and programs are looked for from the folder in which the server was started.

`longhaul serve --check` with the same flags, variables and file says whether a server could start with them.

A running server takes up a changed file on `SIGHUP`, or by `longhaul reload --config FILE`, which checks it
first and says what came of it: task types, queues, and the settings marked "live" below. What is already running goes
on by what it was started with. A file with a fault changes nothing. Flags and variables stay as they were when the
server was started. Other settings wait for the next start, and the log names those that have changed.

## The server

| setting | flag | variable | value | default | |
|---|---|---|---|---|---|
)";

constexpr std::string_view key_row = R"(
The key that every client must send (`Authorization: Bearer KEY`) is set by `LONGHAUL_API_KEY` alone: a flag
shows in the process list, and files get copied. Without a key the server serves this machine only, and
refuses to listen on any other address.
)";

constexpr std::string_view queues_head = R"(
## Queues: `[queues.NAME]`

A queue needs no configuration: a start request may name any, and one that is not configured works with the
defaults.

| setting | value | default |
|---|---|---|
)";

constexpr std::string_view tasks_head = R"(
## Task types: `[tasks.NAME]`

Each makes a type that start requests can name. `longhaul serve --task NAME='PROGRAM ARGS'` makes one without
a file, or replaces the `command` of one in the file; it splits words as a shell does and expands nothing.
`echo` and `sleep` are built in and cannot be defined again. How longhaul talks to the program:
[running-commands.md](running-commands.md).

| setting | value | default |
|---|---|---|
)";

template <class Target>
std::string value_text(const Setting<Target>& setting) {
  const std::string kind(name_of(setting.kind));
  return setting.accepts.empty() ? kind : kind + ": " + setting.accepts;
}

// Settings of the server go by section and name, those of a queue or a type stand under a header of their own.
template <class Target>
std::string name_in_lists(const Setting<Target>& setting) {
  if constexpr (std::is_same_v<Target, Settings>)
    return std::string(setting.section) + "." + std::string(setting.name);
  return std::string(setting.name);
}

template <class Target>
void add_rows(std::string& out, const std::vector<Setting<Target>>& settings) {
  for (const auto& setting : settings) {
    const std::string name = name_in_lists(setting);
    out += "| `" + name + "` | ";
    if constexpr (std::is_same_v<Target, Settings>) {
      const std::string option = option_of(setting);
      out +=
          (setting.is_secret ? "none" : "`" + flag_of(option) + "`") + " | `" + variable_of(option) + "` | ";
    }
    out += value_text(setting) + " | `" + setting.show(Target{}) + "` |";
    if constexpr (std::is_same_v<Target, Settings>) out += setting.is_live() ? " live |" : " |";
    out += "\n";
  }
  out += "\n";
  for (const auto& setting : settings)
    out += "- `" + name_in_lists(setting) + "`: " + std::string(setting.help) + "\n";
}

}  // namespace

std::string settings_markdown() {
  std::string out(introduction);
  add_rows(out, server_settings());
  out += key_row;
  out += queues_head;
  add_rows(out, queue_settings());
  out += tasks_head;
  add_rows(out, task_settings());
  return out;
}

}  // namespace longhaul::server
