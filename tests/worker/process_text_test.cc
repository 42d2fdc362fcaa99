// The parts of the command side that only turn text into other text.
#include <doctest/doctest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <vector>

#include "api/limits.h"
#include "tests/worker/borrowed_type.h"
#include "worker/process/attempt_outcome.h"
#include "worker/process/line_splitter.h"
#include "worker/process/log_collector.h"
#include "worker/process/oom_watch.h"
#include "worker/process/proc_stat.h"
#include "worker/process/program_start.h"
#include "worker/process/progress_reader.h"
#include "worker/process/spawn_protocol.h"
#include "worker/process/spawn_request.h"

namespace longhaul::worker::process {
namespace {

const api::WallTime noon{std::chrono::milliseconds(1'700'000'000'000)};

std::vector<std::string> texts_of(const std::vector<api::LogLine>& lines) {
  std::vector<std::string> texts;
  texts.reserve(lines.size());
  for (const api::LogLine& line : lines) texts.push_back(line.stream + ": " + line.text);
  return texts;
}

std::vector<std::string> split(const std::vector<std::string>& parts, std::size_t limit) {
  LineSplitter splitter(limit);
  std::vector<std::string> lines;
  const LineSplitter::Take take = [&](const LineSplitter::Line& line) {
    lines.push_back(std::string(line.bytes) + (line.cut ? "+" : ""));
  };
  for (const std::string& part : parts) splitter.feed(part, take);
  splitter.end(take);
  return lines;
}

}  // namespace

TEST_CASE("process: a stream is cut into lines wherever its parts are cut") {
  using Lines = std::vector<std::string>;
  CHECK(split({"one\ntw", "o\n", "\nend"}, 100) == Lines{"one", "two", "", "end"});
  CHECK(split({"dos\r\nmac\rline\r", "\n"}, 100) == Lines{"dos", "mac\rline"});
  CHECK(split({"12345\n123456\n", "1234", "5678", "90\nx"}, 5) == Lines{"12345", "12345+", "12345+", "x"});
  CHECK(split({""}, 5).empty());
}

TEST_CASE("process: log lines are valid UTF-8, cut where too long, and say so") {
  LogCollector log(100'000);
  log.feed("caf\xC3\xA9 \xFF bad\n", noon);
  log.feed(std::string(api::limits::log_line_bytes - 1, 'x') + "\xC3\xA9 and more\n", noon);
  log.feed("no end", noon);
  log.end(noon);
  const auto lines = log.take();
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].text == "caf\xC3\xA9 \xEF\xBF\xBD bad");
  CHECK(lines[0].stream == "stderr");
  CHECK(lines[0].at == noon);
  CHECK(lines[1].text.ends_with("x [line cut at 8192 bytes]"));
  CHECK(lines[1].text.size() == api::limits::log_line_bytes);
  CHECK(lines[2].text == "no end");
  CHECK(log.last_line() == "no end");
  CHECK_FALSE(log.has_lines());
}

TEST_CASE("process: a log over its cap ends with the line that went over, and the last line is still known") {
  LogCollector log(100);
  for (int i = 0; i < 1'000; ++i) log.feed("a line of some length\n", noon);
  log.feed("ValueError: the cause\n \t\n", noon);
  const auto texts = texts_of(log.take());
  REQUIRE(texts.size() == 5);  // each line counts as its 21 bytes and one for its end
  CHECK(texts[4] == "stderr: a line of some length");
  CHECK_FALSE(log.has_lines());
  CHECK(log.last_line() == "ValueError: the cause");
}

TEST_CASE("process: a full batch of log lines says so") {
  LogCollector log(10'000'000);
  log.feed(std::string(1'000, 'x') + "\n", noon);
  CHECK_FALSE(log.is_full());
  for (int i = 0; i < 65; ++i) log.feed(std::string(1'000, 'x') + "\n", noon);
  CHECK(log.is_full());
  CHECK(log.take().size() == 66);
  CHECK_FALSE(log.is_full());
}

TEST_CASE("process: what is a progress line, and what is not") {
  const auto both = parse_progress(R"({"percent": 12.5, "message": "half of a quarter"})", noon);
  REQUIRE(both);
  CHECK(both->percent == 12.5);
  CHECK(both->message == "half of a quarter");
  CHECK(both->updated_at == noon);
  CHECK(parse_progress(R"({"percent":0})", noon)->message.empty());
  CHECK_FALSE(parse_progress(R"({"percent":null,"message":"x"})", noon)->percent);
  const std::string long_message(2'000, 'm');
  CHECK(parse_progress("{\"message\":\"" + long_message + "\"}", noon)->message.size() ==
        api::limits::progress_message_chars);
  for (const char* line :
       {"", "12", "[]", "{}", R"({"percentage":3})", R"({"percent":"3"})", R"({"percent":101})",
        R"({"percent":-1})", R"({"message":5})", "half way", R"({"percent":1)"})
    CHECK_MESSAGE(!parse_progress(line, noon), line);
}

TEST_CASE("process: the newest progress is handed on, about four times a second") {
  ProgressReader reader;
  std::vector<std::string> others;
  const LineSplitter::Take other = [&](const LineSplitter::Line& line) { others.emplace_back(line.bytes); };
  const auto start = ProgressReader::Clock::time_point{} + std::chrono::hours(1);
  reader.feed("{\"percent\":1}\n{\"percent\":2}\nwhat?\n", noon, other);
  CHECK(reader.take(start)->percent == 2);
  CHECK_FALSE(reader.has_news());
  reader.feed("{\"percent\":3}\n", noon, other);
  CHECK_FALSE(reader.take(start + std::chrono::milliseconds(249)));
  CHECK(reader.has_news());
  CHECK(reader.take(start + std::chrono::milliseconds(250))->percent == 3);
  reader.feed("{\"percent\":4}", noon, other);
  reader.end(noon, other);
  CHECK(reader.take_last()->percent == 4);
  CHECK(others == std::vector<std::string>{"what?"});
}

TEST_CASE("process: out-of-memory kills are told from old ones") {
  std::string path = "/tmp/longhaul-vmstat-XXXXXX";
  const base::UniqueFd file(mkstemp(path.data()));
  const auto set = [&](int count) {
    std::ofstream(path) << "nr_free_pages 12\noom_kill " << count << "\nlast 3\n";
  };
  const auto start = std::chrono::steady_clock::time_point{} + std::chrono::hours(1);
  OomWatch watch(path);
  CHECK_FALSE(watch.has_killed());
  set(7);
  watch.refresh(start);
  CHECK_FALSE(watch.has_killed());
  set(8);
  CHECK(watch.has_killed());
  // Work that starts now must not hide a death of just now; twice ten seconds later it is old.
  watch.refresh(start + std::chrono::seconds(11));
  CHECK(watch.has_killed());
  watch.refresh(start + std::chrono::seconds(12));
  CHECK(watch.has_killed());
  watch.refresh(start + std::chrono::seconds(22));
  CHECK_FALSE(watch.has_killed());
  // What was killed in a quiet time is not the cause of death of work that starts after it.
  set(9);
  watch.refresh(start + std::chrono::hours(24));
  CHECK_FALSE(watch.has_killed());
  set(10);
  CHECK(watch.has_killed());
  unlink(path.c_str());
  CHECK_FALSE(watch.has_killed());
}

TEST_CASE("process: what a kind of result makes of stdout") {
  const auto text_of = [](ResultKind kind, const std::string& output) {
    const auto result = make_result(kind, output);
    return result ? result->text : "error: " + result.error().message;
  };
  CHECK(text_of(ResultKind::automatic, "") == "null");
  CHECK(text_of(ResultKind::automatic, "{\"a\": [1.50, 12345678901234567890]}\n") ==
        R"({"a":[1.50,12345678901234567890]})");
  CHECK(text_of(ResultKind::automatic, "hello\n") == R"("hello\n")");
  CHECK(text_of(ResultKind::automatic, "1 2") == R"("1 2")");
  CHECK(text_of(ResultKind::automatic, "\xFF\xFE").starts_with("error: "));
  CHECK(text_of(ResultKind::json, " true \n") == "true");
  CHECK(text_of(ResultKind::json, "hello").starts_with("error: stdout is not one JSON value"));
  CHECK(text_of(ResultKind::json, "").starts_with("error: stdout is empty"));
  CHECK(text_of(ResultKind::json, R"({"a":1,"a":2})").starts_with("error: "));
  CHECK(text_of(ResultKind::text, "12") == R"("12")");
  CHECK(text_of(ResultKind::text, "") == R"("")");
  CHECK(text_of(ResultKind::text, "\xC3").starts_with("error: "));
}

TEST_CASE("process: how a failed start is told") {
  TaskType type;
  type.command = {"frobnicate"};
  AttemptOrder order;
  order.type = tests::borrowed(type);
  const auto missing = judge_failed_start(order, StartStage::lookup, ENOENT);
  CHECK(missing.error->code == "START_FAILED");
  CHECK(missing.error->message ==
        "'frobnicate' could not be started: it is in no folder of the server's PATH; install it, or give its "
        "full path in the "
        "type's command");
  CHECK_FALSE(missing.retryable);
  CHECK_FALSE(judge_failed_start(order, StartStage::exec, EACCES).retryable);
  CHECK_FALSE(judge_failed_start(order, StartStage::exec, ENOEXEC).retryable);
  CHECK(judge_failed_start(order, StartStage::exec, ENOENT).error->message.find("#!") != std::string::npos);
  CHECK(judge_failed_start(order, StartStage::process, EAGAIN).retryable);
  CHECK(judge_failed_start(order, StartStage::shim, ENOMEM).retryable);
  CHECK(judge_failed_start(order, StartStage::exec, ETXTBSY).retryable);
}

TEST_CASE("process: how a signal is told") {
  TaskType type;
  AttemptOrder order;
  order.type = tests::borrowed(type);
  const auto told = [&](int signal, const auto& change) {
    ProgramEnd end;
    end.wait_status = signal;
    change(end);
    const AttemptReport report = judge_end(order, end);
    CHECK(report.signal == signal);
    CHECK(report.retryable);
    return report.error->code + ": " + report.error->message;
  };
  CHECK(told(SIGSEGV, [](ProgramEnd& e) { e.last_line = "ouch"; }) ==
        "KILLED_BY_SIGNAL: killed by SIGSEGV: ouch");
  CHECK(told(SIGKILL, [](ProgramEnd&) {}) == "KILLED_BY_SIGNAL: killed by SIGKILL");
  CHECK(told(SIGKILL, [](ProgramEnd& e) { e.out_of_memory = true; }).starts_with("OUT_OF_MEMORY: "));
  CHECK(told(SIGTERM, [](ProgramEnd& e) { e.told_to_stop = true; }) ==
        "KILLED_BY_SIGNAL: killed by SIGTERM when told to stop");
  CHECK(told(SIGKILL, [](ProgramEnd& e) { e.told_to_stop = e.killed_by_us = true; }).find("grace") !=
        std::string::npos);
  type.cpu_seconds = 7;
  CHECK(told(SIGXCPU, [](ProgramEnd&) {}).find("cpu_seconds = 7") != std::string::npos);
  CHECK(told(SIGKILL, [](ProgramEnd& e) { e.use.cpu_seconds = 12.0; }).find("cpu_seconds = 7") !=
        std::string::npos);
}

TEST_CASE("process: a spawn message comes apart as it was put together") {
  SpawnRequest request;
  request.token = 42;
  request.arguments = {"program", "", "last one"};
  request.environment = {"A=1", "B="};
  request.cpu_seconds = 9;
  std::string message = encode(request);
  const auto order = decode(message);
  REQUIRE(order);
  CHECK(order->header.token == 42);
  CHECK(order->header.cpu_seconds == 9);
  CHECK(order->header.open_files == -1);
  REQUIRE(order->arguments.size() == 4);
  CHECK(std::string(order->arguments[2]) == "last one");
  CHECK(order->arguments[3] == nullptr);
  REQUIRE(order->environment.size() == 3);
  CHECK(std::string(order->environment[1]) == "B=");
  for (std::size_t size = 0; size < message.size(); ++size)
    CHECK_FALSE(decode(std::span<char>(message.data(), size)));
}

TEST_CASE("process: a program's environment is the type's and our own variables") {
  TaskType type;
  type.command = {"x"};
  type.environment = {{"LANG", "C"}, {"LONGHAUL_TOKEN", "1"}};
  AttemptOrder order;
  order.type = tests::borrowed(type);
  order.token = api::AttemptToken(77);
  order.attempt = 2;
  using Variables = std::vector<std::string>;
  CHECK(make_spawn_request(order).environment == Variables{"LANG=C", "LONGHAUL_TASK_ID=" + order.id.text(),
                                                           "LONGHAUL_ATTEMPT=2", "LONGHAUL_TOKEN=77",
                                                           "LONGHAUL_PROGRESS_FD=3"});
  order.deadline_at = noon;
  order.traceparent = "00-1-2-01";
  const Variables more = make_spawn_request(order).environment;
  REQUIRE(more.size() == 7);
  CHECK(more[5] == "LONGHAUL_DEADLINE=2023-11-14T22:13:20.000Z");
  CHECK(more[6] == "TRACEPARENT=00-1-2-01");
}

TEST_CASE("process: where a program is looked for") {
  int error = 0;
  CHECK(find_program("sh", "/nowhere:/bin", error) == "/bin/sh");
  CHECK(find_program("/bin/sh", "", error) == "/bin/sh");
  CHECK(find_program("no-such-program", "/usr/bin:/bin", error).empty());
  CHECK(error == ENOENT);
  CHECK(find_program("passwd", "/nowhere:/etc", error).empty());  // a file, but not a program
  CHECK(error == EACCES);
  CHECK(find_program("/etc", "", error).empty());
  CHECK(error == EACCES);
  CHECK(find_program("", "/bin", error).empty());
}

TEST_CASE("process: a process is known by its place and its start") {
  const auto own = read_proc_stat(getpid());
  REQUIRE(own);
  CHECK(own->pid == getpid());
  CHECK(own->parent == getppid());
  CHECK(own->group == getpgrp());
  CHECK(own->session == getsid(0));
  CHECK(own->start_ticks > 0);
  CHECK(own->state == 'R');
  CHECK_FALSE(read_proc_stat(-5));
  const std::string environment("A=1\0LONG=x=y\0ONG=2\0", 19);
  CHECK(find_variable(environment, "LONG") == "x=y");
  CHECK(find_variable(environment, "ONG") == "2");
  CHECK_FALSE(find_variable(environment, "NG"));
}

}  // namespace longhaul::worker::process
