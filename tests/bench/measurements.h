// The measurements. Each takes what it needs from the plan and adds figures to the report; an error says why
// one could not be made.
#pragma once

#include "base/result.h"
#include "tests/bench/plan.h"
#include "tests/bench/report.h"
#include "tests/bench/subjects.h"

namespace longhaul::bench {

// GET /task-status/{id} at 1, 64 and 256 connections, beside the bare loop: of few tasks, and of more than
// any memo holds.
[[nodiscard]] base::Result<void> measure_polls(const Plan& plan, Server& server, Report& report);
// POST /start-task of tasks that are due in an hour, so that nothing but the start is done; beside the bare
// loop and beside fdatasync.
[[nodiscard]] base::Result<void> measure_starts(const Plan& plan, Server& server, Report& report);
// `echo` tasks from the first start to the last final state, beside starts.
[[nodiscard]] base::Result<void> measure_echo_tasks(const Plan& plan, Server& server, Report& report);
// Tasks that run /bin/true, beside posix_spawn and waitpid of it.
[[nodiscard]] base::Result<void> measure_commands(const Plan& plan, Server& server, Report& report);
// Memory and threads for ten thousand connections that have asked once and are silent since.
[[nodiscard]] base::Result<void> measure_idle_connections(const Plan& plan, Server& server, Report& report);
// A poll over a connection of its own, while 2,000 clients send a byte a second, beside the same without
// them.
[[nodiscard]] base::Result<void> measure_slow_clients(const Plan& plan, Server& server, Report& report);
// Ten thousand clients that wait for one task, a third each by long poll, event stream and WebSocket: what they
// take, what starts and polls over fresh connections take meanwhile beside the same without them, and how long it
// takes until the last of them is told of the end.
[[nodiscard]] base::Result<void> measure_watchers(const Plan& plan, Server& server, Report& report);
// Webhooks that are all owed at once, beside bare POSTs by libcurl's multi interface; and how long after its end a task's
// webhook comes, while another endpoint is dead and owed 10,000, beside the same without.
[[nodiscard]] base::Result<void> measure_webhooks(const Plan& plan, Server& server, Report& report);
// p99 of synced starts while finished tasks are removed, beside the p99 without that. Restarts the server.
[[nodiscard]] base::Result<void> measure_retention(const Plan& plan, Server& server, Report& report);
// A server that has worked, some time ago, and has nothing to do.
[[nodiscard]] base::Result<void> measure_idle_server(const Plan& plan, const Server& server, Report& report);

}  // namespace longhaul::bench
