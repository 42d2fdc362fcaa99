// reload: has the server of a database look at its settings again, and says what came of it.
#include <signal.h>
#include <sys/types.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "server/cli/command.h"
#include "server/cli/commands.h"
#include "server/cli/database_settings.h"
#include "server/cli/terminal.h"
#include "server/reload.h"
#include "storage/sqlite/database_lock.h"
#include "worker/process/proc_stat.h"

namespace longhaul::server {
namespace {

using storage::DatabaseLock;
using namespace std::chrono_literals;

constexpr auto look_interval = 20ms;
constexpr auto patience = 30s;

// Which database: for that a file with faults must do, since the server is to say what is wrong with it.
std::string database_of(const SettingSources& sources, const base::Result<Settings>& settings) {
  if (settings) return settings->database;
  const auto flag = sources.flags.find("database");
  return flag == sources.flags.end() ? std::string() : flag->second;
}

ExitCode tell(const ReloadNote& note) {
  if (!note.taken) {
    complain("the settings have faults, and the server goes on with those it has:\n" + note.text);
    return ExitCode::usage;
  }
  std::cout << note.text << "\n";
  return ExitCode::ok;
}

ExitCode run(const SettingSources& sources) {
  const auto settings = load_settings(sources);
  const std::string database = database_of(sources, settings);
  if (database.empty()) {
    complain(settings.error().message);
    return ExitCode::usage;
  }
  const auto holder = DatabaseLock::read_holder(database);
  if (!holder || holder->pid == 0) {
    complain("no server uses the database " + database + "; name the server's by --config or --database");
    return ExitCode::unreachable;
  }
  const auto before = read_reload_note(holder->note);
  const auto process = worker::process::read_proc_stat(holder->pid);
  if (!before || !process || process->start_ticks != before->started) {
    complain("the database " + database + " is in use by process " + std::to_string(holder->pid) +
             ", which is no server that could be told: a migration, one that is just starting, an older "
             "version, or a "
             "process that cannot be seen from here");
    return ExitCode::task_did_not_succeed;
  }
  if (::kill(holder->pid, SIGHUP) != 0) {
    complain("process " + std::to_string(holder->pid) + " cannot be told: " + std::strerror(errno));
    return ExitCode::task_did_not_succeed;
  }
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(look_interval);
    const auto now = DatabaseLock::read_holder(database);
    if (!now || now->pid != holder->pid) {
      complain("the server has ended meanwhile");
      return ExitCode::unreachable;
    }
    const auto note = read_reload_note(now->note);
    if (note && note->count > before->count) return tell(*note);
  }
  complain("process " + std::to_string(holder->pid) +
           " was told to look at its settings, but has not said what came of it; its log does");
  return ExitCode::task_did_not_succeed;
}

}  // namespace

void add_reload_command(Command program) {
  const Command command = program.subcommand(
      "reload", "Have the server take up changed task types, queues and limits, as SIGHUP does");
  auto sources = std::make_shared<SettingSources>();
  add_database_options(command, *sources);
  command.when_chosen(sources, run);
}

}  // namespace longhaul::server
