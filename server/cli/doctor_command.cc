// doctor: whether a server can run here as it is configured, and what it finds. Changes nothing.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "server/cli/command.h"
#include "server/cli/commands.h"
#include "server/cli/database_settings.h"
#include "server/cli/examine_callbacks.h"
#include "server/cli/examine_machine.h"
#include "server/cli/health_report.h"
#include "server/cli/program_search.h"
#include "server/config/listen_address.h"
#include "storage/sqlite/database_file.h"

namespace longhaul::server {
namespace {

struct DoctorArguments {
  SettingSources sources;
  bool json = false;
  bool quick = false;
};

using Findings = std::vector<Finding>;

std::string mib(std::uint64_t bytes) {
  const std::uint64_t tenths = bytes * 10 / (1024 * 1024);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}
std::string mib(std::int64_t bytes) { return mib(static_cast<std::uint64_t>(bytes)); }

Finding examine_configuration(const SettingSources& sources, const base::Result<Settings>& settings) {
  if (!settings) return {"configuration", Verdict::wrong, settings.error().message};
  const std::string where =
      sources.config_file ? *sources.config_file : std::string("no file, flags and variables");
  return {"configuration", Verdict::fine,
          where + ": " + std::to_string(settings->types.all().size()) + " task types, listens on " +
              to_text(settings->listen) +
              (settings->api_key ? ", with a key" : ", without a key: for this machine only")};
}

void examine_programs(const Settings& settings, Findings& findings) {
  for (const auto& [name, type] : settings.types.all()) {
    if (type->kind != worker::TaskKind::command || can_be_found(type->command.front())) continue;
    findings.push_back({"task type " + name, Verdict::wrong,
                        "its program '" + type->command.front() + "' is not there, or may not be run"});
  }
}

void examine_schema(const storage::DatabaseHealth& health, Findings& findings) {
  const std::string version = "schema version " + std::to_string(health.schema_version);
  if (health.schema_version > health.known_version) {
    findings.push_back({"schema", Verdict::wrong,
                        version + ": a newer longhaul has migrated it; this one knows up to " +
                            std::to_string(health.known_version)});
  } else if (health.schema_version < health.known_version) {
    findings.push_back({"schema", Verdict::notice,
                        version + ": the next start, or 'longhaul migrate', brings it to " +
                            std::to_string(health.known_version)});
  } else {
    findings.push_back({"schema", Verdict::fine, version});
  }
}

void examine_space(const Settings& settings, const storage::DatabaseHealth& health, Findings& findings) {
  if (!health.free_on_disk_bytes) {
    findings.push_back(
        {"disk", Verdict::wrong,
         "the folder of " + settings.database + " cannot be looked at: " + std::strerror(errno)});
    return;
  }
  const auto needed = static_cast<std::uint64_t>(settings.min_free_disk_mb) * 1024 * 1024;
  const bool enough = *health.free_on_disk_bytes >= needed;
  findings.push_back({"disk", enough ? Verdict::fine : Verdict::wrong,
                      mib(*health.free_on_disk_bytes) + " free; starts are refused below " + mib(needed)});
}

void examine_file(const Settings& settings, const storage::DatabaseHealth& health, bool thorough,
                  Findings& findings) {
  if (!health.exists) {
    findings.push_back(
        {"database", Verdict::fine, settings.database + " is not there yet: a start makes it"});
    return;
  }
  if (!health.damage.empty()) {
    findings.push_back({"database", Verdict::wrong, settings.database + ": " + health.damage});
    return;
  }
  findings.push_back({"database", Verdict::fine,
                      settings.database + (thorough ? ": looked through, whole; " : ": ") +
                          std::to_string(health.tasks) + " tasks" +
                          (health.used_by ? "; in use by " + *health.used_by : "; not in use")});
  examine_schema(health, findings);
  findings.push_back({"size", Verdict::fine,
                      mib(health.bytes) + ", of that " + mib(health.free_bytes) +
                          " free for reuse; write-ahead log " + mib(health.log_bytes)});
  if (!health.gives_space_back) {
    findings.push_back({"shrinking", Verdict::notice,
                        "the file never gets smaller; 'longhaul migrate --vacuum' writes it anew"});
  }
}

void examine_database(const Settings& settings, bool thorough, Findings& findings) {
  const storage::DatabaseHealth health = storage::examine_database(settings.database, thorough);
  examine_file(settings, health, thorough, findings);
  examine_space(settings, health, findings);
}

ExitCode run(const DoctorArguments& arguments) {
  Findings findings;
  const auto settings = load_settings(arguments.sources);
  findings.push_back(examine_configuration(arguments.sources, settings));
  if (settings) {
    examine_programs(*settings, findings);
    examine_database(*settings, !arguments.quick, findings);
    examine_callbacks(*settings, findings);
  }
  examine_limits(settings ? &*settings : nullptr, findings);
  findings.push_back(library_versions());
  std::cout << (arguments.json ? json_of(findings) + "\n" : table_of(findings));
  return is_healthy(findings) ? ExitCode::ok : ExitCode::task_did_not_succeed;
}

}  // namespace

void add_doctor_command(Command program) {
  const Command command =
      program.subcommand("doctor", "Look at configuration, database and machine; changes nothing");
  auto arguments = std::make_shared<DoctorArguments>();
  add_database_options(command, arguments->sources);
  command.flag("--quick", arguments->quick, "Do not look through the whole database for damage");
  command.flag("--json", arguments->json, "JSON instead of a table");
  command.footer("The exit code is 1 when something is wrong.");
  command.when_chosen(arguments, run);
}

}  // namespace longhaul::server
