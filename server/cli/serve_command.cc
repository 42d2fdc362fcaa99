#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "server/cli/command.h"
#include "server/cli/commands.h"
#include "server/cli/process_environment.h"
#include "server/cli/program_search.h"
#include "server/cli/terminal.h"
#include "server/config/listen_address.h"
#include "server/config/load_settings.h"
#include "server/config/setting_table.h"
#include "server/config/settings_markdown.h"
#include "server/serve.h"

namespace longhaul::server {
namespace {

std::string counted(std::size_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

ExitCode run(SettingSources sources, bool only_check) {
  sources.environment = environment_of_process();
  const auto settings = load_settings(sources);
  if (!settings) {
    complain(settings.error().message);
    return ExitCode::usage;
  }
  if (only_check) {
    for (const auto& [name, type] : settings->types.all()) {
      if (type->kind == worker::TaskKind::command && !can_be_found(type->command.front()))
        complain("task type " + name + ": its program '" + type->command.front() +
                 "' is not there, or may not be run");
    }
    std::cout << "the settings are fine: " << counted(settings->types.all().size(), "task type") << ", "
              << counted(settings->types.queues().size(), "configured queue") << ", database "
              << settings->database << ", listening on " << to_text(settings->listen) << "\n";
    return ExitCode::ok;
  }
  base::set_log_format(settings->log_format);
  base::set_log_level(settings->log_level);
  return static_cast<ExitCode>(serve(*settings, [sources] { return load_settings(sources); }));
}

std::string type_name_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::whole_number: return "N";
    case ValueKind::seconds: return "SECONDS";
    case ValueKind::text_list: return "A,B,...";
    case ValueKind::number_list: return "N,N,...";
    default: return "TEXT";
  }
}

// Broken into lines where a terminal would break it in the middle of a word.
std::string help_of(const Setting<Settings>& setting) {
  constexpr std::size_t columns = 76;
  const std::string text = std::string(setting.help) + " Accepts: " + setting.accepts + ". [" +
                           variable_of(option_of(setting)) + ", default " + setting.show(Settings{}) + "]";
  std::string out;
  std::size_t column = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const bool fits = column + (end - begin) < columns;
    if (begin > 0) out += fits ? ' ' : '\n';
    column = (fits ? column + 1 : 0) + (end - begin);
    out += text.substr(begin, end - begin);
    begin = end + 1;
  }
  return out;
}

}  // namespace

void add_serve_command(Command program) {
  const Command command = program.subcommand("serve", "Run the server until SIGTERM or SIGINT");
  auto sources = std::make_shared<SettingSources>();
  command.option("--config", sources->config_file, "Settings and task types, in TOML").type_name("FILE");
  for (const auto& setting : server_settings()) {
    if (setting.is_secret) continue;
    command
        .option(
            flag_of(option_of(setting)),
            [sources, name = option_of(setting)](const std::string& text) { sources->flags[name] = text; },
            help_of(setting))
        .type_name(type_name_of(setting.kind));
  }
  command
      .option("--task", sources->tasks,
              "A task type: a program that is started for each task; may be repeated")
      .type_name("NAME='PROGRAM ARGS'")
      .repeatable();
  auto only_check = std::make_shared<bool>(false);
  command.flag("--check", *only_check, "Start nothing; say whether a server could start with these settings");
  command.footer("All settings, those of the file too, are in docs/configuration.md.");
  command.when_chosen([sources, only_check] { return run(*sources, *only_check); });
}

void add_settings_command(Command program) {
  const Command command = program.subcommand("settings", "Print the reference of all settings");
  command.hide();  // it is there for docs/configuration.md
  auto markdown = std::make_shared<bool>(false);
  command.flag("--markdown", *markdown, "As docs/configuration.md").required();
  command.when_chosen([markdown] {
    if (!*markdown) {
      complain("there is no other form of it than --markdown");
      return ExitCode::usage;
    }
    std::cout << settings_markdown();
    return ExitCode::ok;
  });
}

}  // namespace longhaul::server
