// Each add_...() teaches the command line one command. When that command is chosen, it leaves in `chosen`
// what is to be run once all arguments are read. One thread.
#pragma once

#include <functional>

#include "server/cli/exit_code.h"

namespace CLI {
class App;
}

namespace longhaul::server {

using Action = std::function<int()>;

void add_serve_command(CLI::App& app, Action& chosen);
void add_start_command(CLI::App& app, Action& chosen);
void add_status_command(CLI::App& app, Action& chosen);
void add_watch_command(CLI::App& app, Action& chosen);
void add_cancel_command(CLI::App& app, Action& chosen);
void add_tasks_command(CLI::App& app, Action& chosen);
void add_logs_command(CLI::App& app, Action& chosen);
// The operator's: they work on the database file of this machine.
void add_reload_command(CLI::App& app, Action& chosen);
void add_backup_command(CLI::App& app, Action& chosen);
void add_migrate_command(CLI::App& app, Action& chosen);
void add_doctor_command(CLI::App& app, Action& chosen);
void add_webhooks_command(CLI::App& app, Action& chosen);
// For the documentation of settings; not listed.
void add_settings_command(CLI::App& app, Action& chosen);

}  // namespace longhaul::server
