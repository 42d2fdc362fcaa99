#include "server/config/load_settings.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>
#include <utility>

#include "api/fault_list.h"
#include "api/limits.h"
#include "server/config/api_key.h"
#include "server/config/listen_address.h"
#include "server/config/nearest_name.h"
#include "server/config/setting_table.h"
#include "server/config/settings_file.h"
#include "server/config/shell_words.h"
#include "worker/thread_executor.h"

namespace longhaul::server {
namespace {

template <class Target>
const Setting<Target>* find_setting(const std::vector<Setting<Target>>& settings, std::string_view name) {
  const auto found =
      std::find_if(settings.begin(), settings.end(), [&](const auto& one) { return one.name == name; });
  return found == settings.end() ? nullptr : &*found;
}

class Loader {
 public:
  explicit Loader(const SettingSources& sources) : sources_(sources) {}

  base::Result<Settings> run() {
    for (const auto& [name, function] : worker::builtin_functions()) builtins_.insert(name);
    if (sources_.config_file) take_file(*sources_.config_file);
    take_environment();
    take_flags();
    for (const std::string& task : sources_.tasks) take_task_flag(task);
    take_api_key();
    add_types();
    check_access();
    if (faults_.empty()) return std::move(settings_);
    return base::fail(faults_);
  }

 private:
  void fault(const std::string& place, const std::string& text) {
    faults_ += (faults_.empty() ? "" : "\n") + place + ": " + text;
  }
  std::string line(int number) const { return *sources_.config_file + ":" + std::to_string(number); }

  void unknown(int line_number, const std::string& full_name, const std::vector<std::string>& known) {
    std::string advice;
    if (const auto nearest = nearest_name(full_name, known)) {
      advice = "; did you mean '" + *nearest + "'?";
    } else {
      for (const std::string& name : known) advice += (advice.empty() ? "; known here: " : ", ") + name;
    }
    fault(line(line_number), "unknown setting '" + full_name + "'" + advice);
  }

  // ---- the file

  void take_file(const std::string& path) {
    const auto file = read_settings_file(path);
    if (!file) {
      faults_ = file.error().message;
      return;
    }
    for (const FileEntry& section : *file) {
      if (is_server_section(section.name)) {
        take_server_section(section);
      } else if (section.name == "queues" || section.name == "tasks") {
        take_named_sections(section);
      } else {
        unknown(section.line, section.name, server_names(section_names()));
      }
    }
  }

  std::vector<std::string> server_names(std::vector<std::string> names) const {
    for (const auto& one : server_settings_)
      names.push_back(std::string(one.section) + "." + std::string(one.name));
    return names;
  }

  [[nodiscard]] bool is_server_section(std::string_view section) const {
    return std::any_of(server_settings_.begin(), server_settings_.end(),
                       [&](const auto& one) { return one.section == section; });
  }
  [[nodiscard]] std::vector<std::string> section_names() const {
    std::vector<std::string> names;
    for (const auto& one : server_settings_) {
      if (std::find(names.begin(), names.end(), one.section) == names.end()) names.emplace_back(one.section);
    }
    names.insert(names.end(), {"queues", "tasks"});
    return names;
  }
  [[nodiscard]] const Setting<Settings>* find_server_setting(std::string_view section,
                                                             std::string_view name) const {
    for (const auto& one : server_settings_) {
      if (one.section == section && one.name == name) return &one;
    }
    return nullptr;
  }

  void take_server_section(const FileEntry& section) {
    if (section.table() == nullptr)
      return fault(line(section.line), section.name + " must be a table: [" + section.name + "]");
    for (const FileEntry& entry : *section.table()) {
      const auto* const setting = find_server_setting(section.name, entry.name);
      if (setting == nullptr) {
        unknown(entry.line, section.name + "." + entry.name, server_names({}));
      } else {
        apply(*setting, settings_, entry.value(), line(entry.line), section.name + "." + entry.name + " ");
      }
    }
  }

  void take_named_sections(const FileEntry& kind) {
    const std::string header = "[" + kind.name + ".NAME]";
    if (kind.table() == nullptr) return fault(line(kind.line), kind.name + " must be tables: " + header);
    for (const FileEntry& named : *kind.table()) {
      const std::string path = kind.name + "." + named.name;
      if (named.table() == nullptr) {
        fault(line(named.line), path + " must be a table: " + header);
      } else if (!api::is_name(named.name, api::limits::type_chars)) {
        fault(line(named.line), path + ": the name " + api::name_rule(api::limits::type_chars));
      } else if (kind.name == "queues") {
        worker::QueueLimits limits;
        take_entries(queue_settings(), limits, *named.table(), path);
        settings_.types.set_queue(named.name, limits);
      } else if (builtins_.contains(named.name)) {
        fault(line(named.line), path + ": '" + named.name + "' is built in and cannot be defined again");
      } else {
        take_task_section(named, path);
      }
    }
  }

  void take_task_section(const FileEntry& named, const std::string& path) {
    worker::TaskType type;
    type.name = named.name;
    take_entries(task_settings(), type, *named.table(), path);
    if (type.retry_base > type.retry_cap) {
      fault(line(named.line), path + ": retry_base_seconds must not be greater than retry_cap_seconds");
    }
    if (std::none_of(named.table()->begin(), named.table()->end(),
                     [](const auto& entry) { return entry.name == "command"; })) {
      without_command_[named.name] = line(named.line);
    }
    types_[named.name] = std::move(type);
  }

  template <class Target>
  void take_entries(const std::vector<Setting<Target>>& known, Target& target, const FileTable& entries,
                    const std::string& path) {
    for (const FileEntry& entry : entries) {
      if (const auto* const setting = find_setting(known, entry.name)) {
        apply(*setting, target, entry.value(), line(entry.line), path + "." + entry.name + " ");
        continue;
      }
      std::vector<std::string> names;
      names.reserve(known.size());
      for (const auto& one : known) names.push_back(path + "." + std::string(one.name));
      unknown(entry.line, path + "." + entry.name, names);
    }
  }

  template <class Target>
  void apply(const Setting<Target>& setting, Target& target, const SettingValue& value,
             const std::string& place, const std::string& subject) {
    const auto taken = setting.set(target, value);
    if (!taken) fault(place, subject + taken.error().message);
  }

  // ---- environment and flags

  void take_text(const Setting<Settings>& setting, const std::string& text, const std::string& place) {
    const auto value = value_from_text(setting.kind, text);
    if (!value) return fault(place, value.error().message);
    apply(setting, settings_, *value, place, "");
  }

  void take_environment() {
    std::vector<std::string> known{std::string(api_key_variable)};
    for (const auto& setting : server_settings_) {
      const std::string variable = variable_of(option_of(setting));
      known.push_back(variable);
      const auto found = sources_.environment.find(variable);
      if (found != sources_.environment.end()) take_text(setting, found->second, variable);
    }
    refuse_misspelt_variables(known);
  }

  // Other programs put variables with our prefix into environments (a Kubernetes service named longhaul, for
  // one), so that only what is a slip or two away from a setting is taken for one.
  void refuse_misspelt_variables(const std::vector<std::string>& known) {
    for (const auto& [name, value] : sources_.environment) {
      if (!name.starts_with("LONGHAUL_") || std::find(known.begin(), known.end(), name) != known.end())
        continue;
      for (const std::string& variable : known) {
        if (slips_between(name, variable) <= 2) {
          fault(name, "unknown setting; did you mean '" + variable + "'?");
          break;
        }
      }
    }
  }

  void take_flags() {
    for (const auto& setting : server_settings_) {
      const std::string option = option_of(setting);
      const auto found = sources_.flags.find(option);
      if (found != sources_.flags.end()) take_text(setting, found->second, flag_of(option));
    }
  }

  void take_task_flag(const std::string& flag) {
    const auto equals = flag.find('=');
    const std::string name = flag.substr(0, equals);
    if (equals == std::string::npos) {
      return fault("--task", "must be NAME='PROGRAM ARGS', as in --task count='wc -w'; there is no '=' in " +
                                 toml_text(flag));
    }
    const std::string place = "--task " + name;
    if (!api::is_name(name, api::limits::type_chars))
      return fault("--task", "the name " + api::name_rule(api::limits::type_chars));
    if (builtins_.contains(name))
      return fault(place, "'" + name + "' is built in and cannot be defined again");
    if (!named_by_flag_.insert(name).second) return fault(place, "is given twice");
    auto words = split_shell_words(std::string_view(flag).substr(equals + 1));
    if (!words) return fault(place, words.error().message);
    if (words->empty() || words->front().empty())
      return fault(place, "names no program behind the '='; give one, as in --task count='wc -w'");
    without_command_.erase(name);
    worker::TaskType& type = types_[name];
    type.name = name;
    const auto settings = task_settings();
    apply(*find_setting(settings, "command"), type, std::move(words).value(), place, "");
  }

  // ---- what concerns several settings

  void take_api_key() {
    const auto found = sources_.environment.find(std::string(api_key_variable));
    if (found == sources_.environment.end()) return;
    const std::string& key = found->second;
    if (!is_api_key(key)) return fault(found->first, api_key_rule() + "; unset it to run without a key");
    settings_.api_key = key;
  }

  void add_types() {
    for (const std::string& name : builtins_) {
      worker::TaskType type;
      type.name = name;
      type.kind = worker::TaskKind::builtin;
      settings_.types.add(std::move(type));
    }
    for (const auto& [name, place] : without_command_) {
      fault(place,
            "tasks." + name + " has no command; it needs one, as in command = [\"python3\", \"count.py\"]");
    }
    for (auto& [name, type] : types_) settings_.types.add(std::move(type));
  }

  void check_access() {
    if (!faults_.empty() || settings_.api_key || is_loopback(settings_.listen.address)) return;
    fault("listen", to_text(settings_.listen) +
                        " can be reached from other machines, so a key is needed. Set " +
                        std::string(api_key_variable) + " to a secret of your own, or listen on 127.0.0.1");
  }

  const SettingSources& sources_;
  const std::vector<Setting<Settings>> server_settings_ = server_settings();
  std::set<std::string, std::less<>> builtins_;
  std::set<std::string> named_by_flag_;
  std::map<std::string, worker::TaskType> types_;
  std::map<std::string, std::string> without_command_;  // task types of the file, and where they stand
  Settings settings_;
  std::string faults_;
};

}  // namespace

base::Result<Settings> load_settings(const SettingSources& sources) { return Loader(sources).run(); }

}  // namespace longhaul::server
