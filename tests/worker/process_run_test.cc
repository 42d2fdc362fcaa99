// Commands that run to their own end.
#include "tests/worker/borrowed_type.h"
#include "tests/worker/process_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>

#include "api/json_reader.h"
#include "api/limits.h"

namespace longhaul::worker::process_tests {
namespace {

// The one value that the attempt has as its result, when it is a string.
std::string text_result(const RecordingSink::Seen& seen) {
  REQUIRE(seen.reports.size() == 1);
  const AttemptReport& report = seen.reports.front();
  INFO("error: ", (report.error ? report.error->code + ": " + report.error->message : std::string("none")));
  REQUIRE(report.succeeded);
  REQUIRE(report.result);
  return api::string_of(*report.result).value_or(report.result->text);
}

api::TaskError error_of(const RecordingSink::Seen& seen) {
  REQUIRE(seen.reports.size() == 1);
  CHECK_FALSE(seen.reports.front().succeeded);
  CHECK_FALSE(seen.reports.front().result);
  REQUIRE(seen.reports.front().error);
  return *seen.reports.front().error;
}

}  // namespace

TEST_CASE("process: a command gets its payload, answers with its result, and is accounted for") {
  CommandFixture commands;
  const auto seen = commands.run(command_type({"cat"}), R"({"n":12345678901234567890.50})");
  REQUIRE(seen.reports.size() == 1);
  const AttemptReport& report = seen.reports.front();
  CHECK(report.succeeded);
  CHECK(report.result == api::RawJson{R"({"n":12345678901234567890.50})"});
  CHECK(report.exit_code == 0);
  CHECK_FALSE(report.signal);
  CHECK(report.use.peak_memory_bytes.value_or(0) > 100'000);
  CHECK(report.use.cpu_seconds.has_value());
  REQUIRE(seen.process);
  CHECK(seen.process->pid > 0);
  CHECK(seen.process->start_ticks > 0);
  CHECK(seen.process->boot_id == base::boot_id());
  CHECK_FALSE(exists(seen.process->pid));
}

TEST_CASE("process: what exit codes and signals mean") {
  CommandFixture commands;
  struct Case {
    const char* script;
    const char* error;  // "": success
    bool retryable;
    std::optional<int> exit_code;
    std::optional<int> signal;
  };
  const std::array cases{
      Case{"exit 0", "", true, 0, {}},
      Case{"echo nonsense >&2; exit 1", "EXIT_CODE: exit code 1: nonsense", true, 1, {}},
      Case{"exit 65", "EXIT_CODE: exit code 65 (failed for good)", false, 65, {}},
      Case{"echo busy >&2; exit 75",
           "EXIT_CODE: exit code 75 (asks to be tried again later): busy",
           true,
           75,
           {}},
      Case{"exit 255", "EXIT_CODE: exit code 255", true, 255, {}},
      Case{"kill -SEGV $$", "KILLED_BY_SIGNAL: killed by SIGSEGV", true, {}, SIGSEGV},
      Case{"kill -TERM $$", "KILLED_BY_SIGNAL: killed by SIGTERM", true, {}, SIGTERM},
      Case{"kill -KILL $$", "KILLED_BY_SIGNAL: killed by SIGKILL", true, {}, SIGKILL},
  };
  for (const Case& expected : cases) {
    CAPTURE(expected.script);
    const auto seen = commands.run(shell_type(expected.script));
    const AttemptReport& report = seen.reports.at(0);
    CHECK(report.succeeded == (*expected.error == '\0'));
    CHECK(report.retryable == expected.retryable);
    CHECK(report.exit_code == expected.exit_code);
    CHECK(report.signal == expected.signal);
    CHECK_FALSE(report.lost);
    CHECK((report.error ? report.error->code + ": " + report.error->message : "") == expected.error);
    if (report.error) CHECK(report.error->exit_code == expected.exit_code);
    if (report.error) CHECK(report.error->signal == expected.signal);
  }
}

TEST_CASE("process: results are JSON, or text, or refused, and never cut") {
  CommandFixture commands;
  CHECK(text_result(commands.run(shell_type("exit 0"))) == "null");
  CHECK(text_result(commands.run(shell_type("echo plain"))) == "plain\n");
  TaskType strict = shell_type("echo plain");
  strict.result = ResultKind::json;
  CHECK(error_of(commands.run(strict)).code == "RESULT_INVALID");
  strict.command = {"echo", "{\"a\": 1}"};
  CHECK(text_result(commands.run(strict)) == R"({"a":1})");
  CHECK(error_of(commands.run(shell_type("printf '\\377'"))).code == "RESULT_INVALID");

  TaskType small = shell_type("printf 12345");
  small.max_result_bytes = 5;
  CHECK(text_result(commands.run(small)) == "12345");
  small.max_result_bytes = 4;
  const api::TaskError too_large = error_of(commands.run(small));
  CHECK(too_large.code == "RESULT_TOO_LARGE");
  CHECK(too_large.message.find("4 bytes") != std::string::npos);
  small.command = {"sh", "-c", "printf 12345; exit 3"};
  CHECK(error_of(commands.run(small)).code == "EXIT_CODE");
}

TEST_CASE("process: a program finds its own things and nothing else") {
  // Descriptors that this process has and forgot to mark must not show up there.
  const base::UniqueFd stray(open("/dev/null", O_RDONLY));
  CommandFixture commands;
  TaskType type = command_type({"env"});
  type.environment = {{"COLOUR", "blue"}};
  const std::string environment = text_result(commands.run(type));
  CHECK(environment.starts_with("COLOUR=blue\nLONGHAUL_TASK_ID="));
  CHECK(environment.ends_with("LONGHAUL_ATTEMPT=1\nLONGHAUL_TOKEN=1\nLONGHAUL_PROGRESS_FD=3\n"));

  CHECK(
      text_result(commands.run(command_type({python, "-c",
                                             "import os\n"
                                             "def is_open(n):\n"
                                             "  try: return os.fstat(n) is not None\n"
                                             "  except OSError: return False\n"
                                             "print(' '.join(n for n in sorted(os.listdir('/proc/self/fd'), "
                                             "key=int) if is_open(int(n))))"}))) == "0 1 2 3\n");
  const std::string status = text_result(commands.run(command_type({"cat", "/proc/self/status"})));
  CHECK(status.find("NoNewPrivs:\t1\n") != std::string::npos);
  CHECK(status.find("SigBlk:\t0000000000000000\n") != std::string::npos);
  // 32 and 33 are glibc's own, and ignored in whatever its posix_spawn starts.
  const std::uint64_t ignored = std::stoull(status.substr(status.find("SigIgn:") + 7), nullptr, 16);
  CHECK((ignored & ~0x180000000U) == 0);
  CHECK(text_result(commands.run(
            command_type({python, "-c",
                          "import os\n"
                          "print(os.getpid() == os.getsid(0) == os.getpgid(0), os.getcwd())"}))) ==
        "True " + std::string(std::unique_ptr<char, decltype(&free)>(getcwd(nullptr, 0), free).get()) + "\n");
}

TEST_CASE("process: ignored signals of the server are not ignored in programs") {
  const auto before = signal(SIGUSR2, SIG_IGN);
  {
    CommandFixture commands;
    CHECK(commands.run(shell_type("kill -USR2 $$")).reports.at(0).signal == SIGUSR2);
  }
  signal(SIGUSR2, before);
}

TEST_CASE("process: limits hold") {
  CommandFixture commands;
  CHECK(text_result(commands.run(shell_type("ulimit -c; ulimit -Sn"))) == "0\n1024\n");
  TaskType type = shell_type("ulimit -Sn; ulimit -Hn; ulimit -St");
  type.open_files = 77;
  type.cpu_seconds = 5;
  CHECK(text_result(commands.run(type)) == "77\n77\n5\n");
  type.command = {"sh", "-c", "while :; do :; done"};
  type.cpu_seconds = 1;
  const api::TaskError error = error_of(commands.run(type));
  CHECK(error.code == "KILLED_BY_SIGNAL");
  CHECK(error.message == "killed by SIGXCPU: it used more than its cpu_seconds = 1");
}

TEST_CASE("process: a program that cannot be started says what to do") {
  CommandFixture commands;
  const auto missing = commands.run(command_type({"no-such-program-here"}));
  CHECK(error_of(missing).code == "START_FAILED");
  CHECK(error_of(missing).message.find("no-such-program-here") != std::string::npos);
  CHECK(error_of(missing).message.find("PATH") != std::string::npos);
  CHECK_FALSE(missing.reports.front().retryable);
  CHECK_FALSE(missing.process);

  std::string path = "/tmp/longhaul-script-XXXXXX";
  const base::UniqueFd file(mkstemp(path.data()));
  CHECK(error_of(commands.run(command_type({path}))).message.find("chmod +x") != std::string::npos);
  const std::string script = "#!/no/such/interpreter\n";
  REQUIRE(write(file.get(), script.data(), script.size()) == static_cast<ssize_t>(script.size()));
  fchmod(file.get(), 0700);
  // Open for writing it is busy, and that passes.
  CHECK(commands.run(command_type({path})).reports.at(0).retryable);
  const_cast<base::UniqueFd&>(file).reset();
  const auto stranger = commands.run(command_type({path}));
  CHECK(error_of(stranger).message.find("interpreter") != std::string::npos);
  CHECK_FALSE(stranger.reports.front().retryable);
  unlink(path.c_str());

  CHECK(error_of(commands.run(command_type({}))).code == "START_FAILED");
  CHECK(error_of(commands.run(command_type({"echo", std::string(200'000, 'x')})))
            .message.find("131072 bytes") != std::string::npos);
  CHECK(text_result(commands.run(command_type({"echo", std::string(100'000, 'x')}))).size() == 100'001);
}

TEST_CASE("process: a huge payload reaches who reads it, and is no trouble to who does not") {
  CommandFixture commands;
  std::string payload = "\"";
  payload.resize(20'000'001, 'p');
  payload += '"';
  CHECK(text_result(commands.run(command_type({"wc", "-c"}), payload)) == "20000002");
  CHECK(text_result(commands.run(command_type({"true"}), payload)) == "null");
  CHECK(text_result(commands.run(shell_type("exec 0<&-; echo closed"), payload)) == "closed\n");
}

TEST_CASE("process: stderr becomes log lines while the program runs") {
  CommandFixture commands;
  const auto token = commands.begin(shell_type("echo first line >&2; read x; echo second >&2; cat"), "1");
  commands.sink.wait(token, "the first line", [](const auto& seen) { return !seen.lines.empty(); });
  const auto seen = commands.sink.wait_end(token);
  CHECK(text_of(seen.lines) == "first line\nsecond\n");
  CHECK(seen.lines[0].stream == "stderr");
}

TEST_CASE("process: log lines and logs are cut at their caps, and results are not") {
  CommandFixture commands;
  TaskType type =
      shell_type("head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; yes | head -n 100000 >&2; echo ok");
  type.max_log_bytes = 20'000;
  const auto seen = commands.run(type);
  CHECK(text_result(seen) == "ok\n");
  REQUIRE(seen.lines.size() > 3);
  CHECK(seen.lines.front().text.size() == api::limits::log_line_bytes);
  CHECK(seen.lines.front().text.ends_with("[line cut at 8192 bytes]"));
  CHECK(text_of(seen.lines).size() > 20'000);  // with the line that went over, which the store drops
  CHECK(text_of(seen.lines).size() < 20'000 + api::limits::log_line_bytes + 50);
}

TEST_CASE("process: progress lines are told, the last one always, and others are logged") {
  CommandFixture commands;
  const auto seen = commands.run(
      shell_type("i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo '{\"percent\":'$((i/10))'}' >&3; done;"
                 "echo what is this >&3; printf '{\"percent\":100,\"message\":\"done\"}' >&3"));
  REQUIRE_FALSE(seen.progress.empty());
  CHECK(seen.progress.back().percent == 100);
  CHECK(seen.progress.back().message == "done");
  CHECK(seen.progress.size() < 100);
  REQUIRE(seen.lines.size() == 1);
  CHECK(seen.lines[0].stream == "log");
  CHECK(seen.lines[0].text == "what is this");
}

TEST_CASE("process: progress is told while the program runs") {
  CommandFixture commands;
  const auto token =
      commands.begin(shell_type("echo '{\"percent\":1}' >&3; echo '{\"percent\":2}' >&3; exec sleep 1000"));
  commands.sink.wait(token, "progress", [](const auto& seen) {
    return !seen.progress.empty() && seen.progress.back().percent == 2;
  });
  commands.executor->stop_attempt(token);
  commands.sink.wait_end(token);
}

TEST_CASE("process: a program that is no spawner is found out") {
  RecordingSink sink;
  const base::SystemClock clock;
  for (const char* program : {"/bin/true", "/no/such/spawner"}) {
    CommandExecutorOptions options;
    options.spawner_program = program;
    options.sink = &sink;
    options.clock = &clock;
    const auto started = make_command_executor(options)->start();
    REQUIRE_FALSE(started.ok());
    CHECK(started.error().message.find(program) != std::string::npos);
  }
  CHECK(children_of(getpid()).empty());
}

TEST_CASE("process: the executor itself says how many attempts fit") {
  CommandExecutorOptions options;
  options.max_processes = 3;
  CHECK(make_command_executor(options)->capacity() == 3);
}

TEST_CASE("process: more attempts than may run at once wait their turn") {
  RecordingSink sink;
  const base::SystemClock clock;
  CommandExecutorOptions options;
  options.spawner_program = command_host;
  options.max_processes = 2;
  options.sink = &sink;
  options.clock = &clock;
  const auto executor = make_command_executor(options);
  REQUIRE(executor->start().ok());
  const TaskType type = shell_type("cat");
  constexpr std::int64_t count = 100;
  for (std::int64_t i = 1; i <= count; ++i) {
    AttemptOrder order;
    order.token = api::AttemptToken(i);
    order.type = tests::borrowed(type);
    order.payload = {std::to_string(i)};
    executor->begin(std::move(order));
  }
  for (std::int64_t i = 1; i <= count; ++i)
    CHECK(sink.wait_end(api::AttemptToken(i)).reports.at(0).result == api::RawJson{std::to_string(i)});
  executor->stop();
}

}  // namespace longhaul::worker::process_tests
