// `longhaul_bench --server build/release/longhaul`: measures the real server, each figure beside its limit in
// the same run. Exit code 0, also for poor figures; 1 when something could not be measured.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/bare_epoll.h"
#include "tests/bench/measurements.h"

namespace longhaul::bench {
namespace {

struct Measurement {
  const char* name;
  base::Result<void> (*measure)(const Plan&, Server&, Report&);
};
// Each has a server of its own, so that none measures what another has left in the database.
constexpr Measurement measurements[] = {
    {"polls", measure_polls},
    {"starts", measure_starts},
    {"echo", measure_echo_tasks},
    {"commands", measure_commands},
    {"connections", measure_idle_connections},
    {"slow", measure_slow_clients},
    {"watchers", measure_watchers},
    {"webhooks", measure_webhooks},
    {"retention", measure_retention},
};

// The bare loop and the server inherit it.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

base::Result<void> measure_one(const Plan& plan, const Measurement& measurement, Report& report) {
  const auto server = Server::start(plan.server_program);
  if (!server) return base::fail(server.error().message);
  return measurement.measure(plan, *server.value(), report);
}

// A server with a little work behind it. It is left alone until the end, when all that this has caused is
// long over.
base::Result<std::unique_ptr<Server>> start_idle_server(const Plan& plan) {
  auto server = Server::start(plan.server_program);
  if (!server) return server;
  for (int i = 0; i < 20; ++i) {
    for (const char* body : {R"({"type": "echo"})", R"({"type": "true"})"}) {
      if (auto done = server.value()->run_task(body); !done) return base::fail(done.error().message);
    }
  }
  return server;
}

Report measure_all(const Plan& plan, const std::string& only) {
  Report report;
  report.quick = plan.quick;
  const auto wanted = [&only](std::string_view name) { return only.empty() || only == name; };
  const auto keep_failure = [&report](const char* name, const base::Result<void>& done) {
    if (!done) report.failures.push_back(std::string(name) + ": " + done.error().message);
  };
  auto idle = start_idle_server(plan);
  for (const Measurement& measurement : measurements) {
    if (!wanted(measurement.name)) continue;
    std::fprintf(stderr, "bench: %s\n", measurement.name);
    keep_failure(measurement.name, measure_one(plan, measurement, report));
  }
  if (!idle) {
    keep_failure("idle", base::fail(idle.error().message));
  } else if (wanted("idle")) {
    std::fprintf(stderr, "bench: idle\n");
    keep_failure("idle", measure_idle_server(plan, *idle.value(), report));
  }
  return report;
}

int run(int argc, char** argv) {
  Plan plan;
  plan.own_program = std::filesystem::read_symlink("/proc/self/exe").string();
  bool json = false;
  std::string only;
  CLI::App app("Measures a longhaul server, each figure beside its limit in the same run");
  app.add_option("--server", plan.server_program, "The server's program")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_flag("--quick", plan.quick, "Short: figures that only tell whether something is badly wrong");
  app.add_flag("--json", json, "JSON instead of a table");
  std::vector<std::string> names = {"idle"};
  for (const Measurement& measurement : measurements) names.emplace_back(measurement.name);
  app.add_option("--only", only, "One measurement")->check(CLI::IsMember(names));
  CLI11_PARSE(app, argc, argv);
  raise_descriptor_limit();
  const Report report = measure_all(plan, only);
  std::fputs((json ? json_of(report) : table_of(report)).c_str(), stdout);
  return report.failures.empty() ? 0 : 1;
}

}  // namespace
}  // namespace longhaul::bench

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "bare-loop") return longhaul::bench::run_bare_loop();
  return longhaul::bench::run(argc, argv);
}
