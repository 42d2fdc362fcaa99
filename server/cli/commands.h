// Each add_...() teaches the program one command, see command.h. One thread.
#pragma once

namespace longhaul::server {

class Command;

void add_serve_command(Command program);
void add_start_command(Command program);
void add_status_command(Command program);
void add_watch_command(Command program);
void add_cancel_command(Command program);
void add_tasks_command(Command program);
void add_logs_command(Command program);
// The operator's: they work on the database file of this machine.
void add_reload_command(Command program);
void add_backup_command(Command program);
void add_migrate_command(Command program);
void add_doctor_command(Command program);
void add_webhooks_command(Command program);
// For the documentation of settings; not listed.
void add_settings_command(Command program);

}  // namespace longhaul::server
