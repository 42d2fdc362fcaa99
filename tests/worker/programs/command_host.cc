// What a server with commands is, without the rest of a server:
//   command_host spawner               the spawner of the executor below, and of the tests' own
//   command_host host [--subreaper] GRACE_MS PROGRAM [ARGUMENT]... [-- PROGRAM [ARGUMENT]...]...
// The second runs each program as an attempt with tokens from 1, and tells on stdout what its sink is told, a
// line each:
//   "ready", "process TOKEN PID", "log TOKEN TEXT", "finished TOKEN succeeded|failed|lost CODE".
// When stdin is closed it ends.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "worker/process/command_executor.h"
#include "worker/process/spawn_protocol.h"

namespace {

using namespace longhaul;

class PrintingSink final : public worker::AttemptSink {
 public:
  void on_process(api::TaskKey, api::AttemptToken token, storage::ProcessIdentity process) override {
    print("process", token, std::to_string(process.pid));
  }
  void on_log(api::TaskKey, api::AttemptToken token, std::vector<api::LogLine> lines) override {
    for (const api::LogLine& line : lines) print("log", token, line.text);
  }
  void on_progress(api::TaskKey, api::AttemptToken, api::Progress) override {}
  void on_finished(worker::AttemptReport report) override {
    const std::string how = report.succeeded ? "succeeded" : report.lost ? "lost" : "failed";
    print("finished", report.token, how + " " + (report.error ? report.error->code : "-"));
  }

 private:
  void print(const char* what, api::AttemptToken token, const std::string& text) {
    const base::MutexLock lock(mutex_);
    std::printf("%s %lld %s\n", what, static_cast<long long>(token.get()), text.c_str());
    std::fflush(stdout);
  }
  base::Mutex mutex_;
};

std::vector<worker::TaskType> read_types(char** arguments, base::Milliseconds grace) {
  std::vector<worker::TaskType> types;
  for (bool next = true; *arguments != nullptr; ++arguments) {
    if (std::string_view(*arguments) == "--") {
      next = true;
      continue;
    }
    if (next) types.emplace_back().grace = grace;
    next = false;
    types.back().command.emplace_back(*arguments);
  }
  return types;
}

int host(char** arguments) {
  if (std::string_view(*arguments) == "--subreaper") {
    ++arguments;
    if (!worker::become_subreaper()) return 2;
  }
  const auto types = read_types(arguments + 1, base::Milliseconds(std::strtol(*arguments, nullptr, 10)));
  const base::SystemClock clock;
  PrintingSink sink;
  worker::CommandExecutorOptions options;
  options.sink = &sink;
  options.clock = &clock;
  const auto executor = worker::make_command_executor(options);
  if (const auto started = executor->start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return 2;
  }
  std::puts("ready");
  std::fflush(stdout);
  std::int64_t token = 0;
  for (const worker::TaskType& type : types) {
    worker::AttemptOrder order;
    order.key = api::TaskKey(++token);
    order.token = api::AttemptToken(token);
    order.type = std::make_shared<const worker::TaskType>(type);
    order.payload = {"null"};
    executor->begin(std::move(order));
  }
  char byte = 0;
  while (read(0, &byte, 1) > 0) {
  }
  executor->stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "spawner")
    return longhaul::worker::run_spawner(longhaul::worker::process::control_descriptor);
  if (argc >= 4 && std::string_view(argv[1]) == "host") return host(argv + 2);
  std::fprintf(stderr, "usage: command_host spawner | host [--subreaper] GRACE_MS PROGRAM...\n");
  return 2;
}
