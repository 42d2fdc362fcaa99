// Settings from every place they can come from, who wins, and what is refused in which words.
#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "server/config/listen_address.h"
#include "server/config/load_settings.h"
#include "server/config/setting_table.h"

using namespace longhaul;
using server::load_settings;
using server::Settings;
using server::SettingSources;

namespace {

// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "longhaul-config-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

Settings loaded(const SettingSources& sources) {
  auto settings = load_settings(sources);
  const std::string complaint = settings ? "" : settings.error().message;
  REQUIRE(complaint == "");
  return std::move(settings).value();
}

std::string refusal(const SettingSources& sources) {
  const auto settings = load_settings(sources);
  REQUIRE_FALSE(settings);
  return settings.error().message;
}

Settings from_file(const std::string& text) {
  const Folder folder;
  SettingSources sources;
  sources.config_file = folder.write("test.toml", text);
  return loaded(sources);
}

// What is said of a file, with its folder left out.
std::string file_refusal(const std::string& text) {
  const Folder folder;
  SettingSources sources;
  sources.config_file = folder.write("test.toml", text);
  std::string message = refusal(sources);
  const std::string prefix = folder.path() + "/";
  for (auto at = message.find(prefix); at != std::string::npos; at = message.find(prefix))
    message.erase(at, prefix.size());
  return message;
}

}  // namespace

TEST_CASE("without any source there are the defaults and the built-in types") {
  const Settings settings = loaded({});
  CHECK(server::to_text(settings.listen) == "127.0.0.1:8080");
  CHECK(settings.database == "longhaul.db");
  CHECK(settings.max_open_tasks == api::limits::open_tasks);
  CHECK(settings.log_level == base::LogLevel::info);
  CHECK_FALSE(settings.api_key);
  REQUIRE(settings.types.find("echo") != nullptr);
  CHECK(settings.types.find("echo")->kind == worker::TaskKind::builtin);
  CHECK(settings.types.find("sleep") != nullptr);
  CHECK(settings.types.all().size() == 2);
}

TEST_CASE("a file sets everything that can be set") {
  const Settings settings = from_file(R"(
    [server]
    listen = "[::1]:9000"
    allowed_hosts = ["Jobs.Example.com", "localhost"]
    allowed_origins = ["https://app.example.com", "http://localhost:3000"]
    max_open_tasks = 5
    log_level = "warning"
    [storage]
    database = "/tmp/x.db"
    [queues.slow]
    concurrency = 2
    [tasks.count]
    command = ["wc", "-w"]
    result = "text"
    timeout_seconds = 0.25
    grace_seconds = 0
    max_attempts = 7
    concurrency = 3
    retry_base_seconds = 2
    retry_cap_seconds = 4.5
    environment = { LANG = "C", MODE = "" }
    max_body_bytes = 100
    max_result_bytes = 200
    max_log_bytes = 0
    cpu_seconds = 60
    open_files = 64
  )");
  CHECK(settings.listen == server::ListenAddress{"::1", 9000});
  CHECK(settings.allowed_hosts == server::TextList{"jobs.example.com", "localhost"});
  CHECK(settings.allowed_origins == server::TextList{"https://app.example.com", "http://localhost:3000"});
  CHECK(settings.max_open_tasks == 5);
  CHECK(settings.log_level == base::LogLevel::warning);
  CHECK(settings.database == "/tmp/x.db");
  CHECK(settings.types.queue("slow").concurrency == 2);
  const worker::TaskTypePtr type = settings.types.find("count");
  REQUIRE(type != nullptr);
  CHECK(type->kind == worker::TaskKind::command);
  CHECK(type->command == server::TextList{"wc", "-w"});
  CHECK(type->result == worker::ResultKind::text);
  CHECK(type->timeout == base::Milliseconds(250));
  CHECK(type->grace == base::Milliseconds(0));
  CHECK(type->max_attempts == 7);
  CHECK(type->concurrency == 3);
  CHECK(type->retry_base == base::Milliseconds(2000));
  CHECK(type->retry_cap == base::Milliseconds(4500));
  CHECK(type->environment == server::TextMap{{"LANG", "C"}, {"MODE", ""}});
  CHECK(type->max_body_bytes == 100);
  CHECK(type->max_result_bytes == 200);
  CHECK(type->max_log_bytes == 0);
  CHECK(type->cpu_seconds == 60);
  CHECK(type->open_files == 64);
}

TEST_CASE("a timeout of 0 takes the limit away") {
  const Settings settings = from_file("[tasks.t]\ncommand = [\"true\"]\ntimeout_seconds = 0\n");
  CHECK_FALSE(settings.types.find("t")->timeout);
}

TEST_CASE("flag before environment before file before default") {
  const Folder folder;
  SettingSources sources;
  sources.config_file =
      folder.write("test.toml", "[server]\nlisten = \"127.0.0.1:1\"\n[storage]\ndatabase = \"file.db\"\n");
  CHECK(loaded(sources).listen.port == 1);
  sources.environment["LONGHAUL_LISTEN"] = "127.0.0.1:2";
  CHECK(loaded(sources).listen.port == 2);
  sources.flags["listen"] = "127.0.0.1:3";
  CHECK(loaded(sources).listen.port == 3);
  CHECK(loaded(sources).database == "file.db");
}

TEST_CASE("flags and variables are text: lists by commas, numbers as numbers") {
  SettingSources sources;
  sources.environment["LONGHAUL_ALLOWED_HOSTS"] = "a.example, b.example";
  sources.environment["LONGHAUL_MAX_OPEN_TASKS"] = "12";
  sources.flags["allowed_origins"] = "";
  const Settings settings = loaded(sources);
  CHECK(settings.allowed_hosts == server::TextList{"a.example", "b.example"});
  CHECK(settings.allowed_origins.empty());
  CHECK(settings.max_open_tasks == 12);
  sources.environment["LONGHAUL_MAX_OPEN_TASKS"] = "12k";
  CHECK(refusal(sources) == "LONGHAUL_MAX_OPEN_TASKS: must be a whole number, not \"12k\"");
  sources.environment.erase("LONGHAUL_MAX_OPEN_TASKS");
  sources.flags["log_level"] = "loud";
  CHECK(refusal(sources) == "--log-level: must be one of debug, info, warning, error, off, not \"loud\"");
}

TEST_CASE("every server setting has a flag and a variable that reach it") {
  for (const auto& setting : server::server_settings()) {
    CAPTURE(setting.name);
    SettingSources sources;
    const std::string wrong = setting.kind == server::ValueKind::text ? std::string(1, ':') : ":";
    sources.flags[server::option_of(setting)] = wrong;
    CHECK(refusal(sources).starts_with(server::flag_of(server::option_of(setting)) + ": must "));
    sources.flags.clear();
    sources.environment[server::variable_of(server::option_of(setting))] = wrong;
    CHECK(refusal(sources).starts_with(server::variable_of(server::option_of(setting)) + ": must "));
  }
}

TEST_CASE("unknown names are refused with file, line and the nearest known one") {
  CHECK(file_refusal("[server]\n\nlisen = \"x\"\n") ==
        "test.toml:3: unknown setting 'server.lisen'; did you mean 'server.listen'?");
  CHECK(file_refusal("[server]\ndatabase = \"x\"\n") ==
        "test.toml:2: unknown setting 'server.database'; did you mean 'storage.database'?");
  CHECK(file_refusal("listen = \"x\"\n") ==
        "test.toml:1: unknown setting 'listen'; did you mean 'server.listen'?");
  CHECK(file_refusal("[task.x]\ncommand = [\"a\"]\n") ==
        "test.toml:1: unknown setting 'task'; did you mean 'tasks'?");
  CHECK(file_refusal("[tasks.x]\ncommand = [\"a\"]\ntimeout = 3\n") ==
        "test.toml:3: unknown setting 'tasks.x.timeout'; did you mean 'tasks.x.timeout_seconds'?");
  CHECK(file_refusal("[queues.x]\nzzz = 3\n") ==
        "test.toml:2: unknown setting 'queues.x.zzz'; known here: queues.x.concurrency");
}

TEST_CASE("a variable that is nearly a setting is refused, others with our prefix are not ours") {
  SettingSources sources;
  sources.environment["LONGHAUL_PORT_8080_TCP"] = "tcp://10.0.0.1:8080";
  sources.environment["LONGHAUL_SERVER"] = "http://127.0.0.1:8080";
  (void)loaded(sources);
  sources.environment["LONGHAUL_LISTN"] = "127.0.0.1:1";
  CHECK(refusal(sources) == "LONGHAUL_LISTN: unknown setting; did you mean 'LONGHAUL_LISTEN'?");
}

TEST_CASE("wrong values are refused with file, line and what would do") {
  const std::array<std::pair<const char*, const char*>, 17> cases{{
      {"[server]\nlisten = 8080", "test.toml:2: server.listen must be a text (ADDRESS:PORT), not 8080"},
      {"[server]\nmax_open_tasks = 0",
       "test.toml:2: server.max_open_tasks must be a whole number (1 to 100000000), not 0"},
      {"[server]\nallowed_hosts = [\"http://x\"]",
       "test.toml:2: server.allowed_hosts must be names or addresses without scheme and port; \"http://x\" "
       "is not"},
      {"[server]\nallowed_hosts = [1]",
       "test.toml:2: server.allowed_hosts must be a list of texts (host names without port), not a list of "
       "numbers"},
      {"[server]\nallowed_origins = [\"https://x/\"]",
       "test.toml:2: server.allowed_origins must be origins as browsers send them, like "
       "\"https://app.example.com\" (no path, "
       "no slash at the end); \"https://x/\" is not"},
      {"[storage]\ndatabase = \":memory:\"",
       "test.toml:2: storage.database must be the path of a file: accepted tasks are kept on disk; "
       "\":memory:\" is not"},
      {"server = 3", "test.toml:1: server must be a table: [server]"},
      {"tasks = 3", "test.toml:1: tasks must be tables: [tasks.NAME]"},
      {"[tasks]\nx = 3", "test.toml:2: tasks.x must be a table: [tasks.NAME]"},
      {"[tasks.\"a b\"]\ncommand = [\"x\"]",
       "test.toml:1: tasks.a b: the name must be 1 to 100 characters of A-Z a-z 0-9 _ . : -"},
      {"[tasks.echo]\ncommand = [\"x\"]",
       "test.toml:1: tasks.echo: 'echo' is built in and cannot be defined again"},
      {"[tasks.x]\nresult = \"text\"",
       "test.toml:1: tasks.x has no command; it needs one, as in command = [\"python3\", \"count.py\"]"},
      {"[tasks.x]\ncommand = []",
       "test.toml:2: tasks.x.command must name a program, as in [\"python3\", \"count.py\"]"},
      {"[tasks.x]\ncommand = \"wc -w\"",
       "test.toml:2: tasks.x.command must be a list of texts (program and its arguments), not \"wc -w\""},
      {"[tasks.x]\ncommand = [\"a\"]\ntimeout_seconds = -1",
       "test.toml:3: tasks.x.timeout_seconds must be a number of seconds (0.001 to 316224000; 0: no limit), "
       "not -1"},
      {"[tasks.x]\ncommand = [\"a\"]\nretry_base_seconds = 9\nretry_cap_seconds = 1",
       "test.toml:1: tasks.x: retry_base_seconds must not be greater than retry_cap_seconds"},
      {"[tasks.x]\ncommand = [\"a\"]\nenvironment = { LONGHAUL_TOKEN = \"1\" }",
       "test.toml:3: tasks.x.environment must leave LONGHAUL_TOKEN to longhaul"},
  }};
  for (const auto& [text, message] : cases) CHECK(file_refusal(text) == message);
}

TEST_CASE("every fault is told, and one that is not TOML with its line") {
  CHECK(file_refusal("[server]\na = 1\nlog_level = 3\n[storage]\nb = 2\n").find("\ntest.toml:3: ") !=
        std::string::npos);
  CHECK(file_refusal("[server]\nlisten = \n").starts_with("test.toml:2: not TOML: "));
  SettingSources sources;
  sources.config_file = "/no/such/file.toml";
  CHECK(refusal(sources) == "/no/such/file.toml: cannot be read: No such file or directory");
  sources.config_file = "/";
  CHECK(refusal(sources) == "/: cannot be read: Is a directory");
}

TEST_CASE("--task makes a type, or replaces the command of one in the file") {
  const Folder folder;
  SettingSources sources;
  sources.config_file = folder.write(
      "test.toml", "[tasks.a]\ncommand = [\"old\"]\nmax_attempts = 9\n[tasks.b]\nmax_attempts = 2\n");
  sources.tasks = {"a=new 'one word'", "b=x", "c=env A=1 cat"};
  const Settings settings = loaded(sources);
  CHECK(settings.types.find("a")->command == server::TextList{"new", "one word"});
  CHECK(settings.types.find("a")->max_attempts == 9);
  CHECK(settings.types.find("b")->command == server::TextList{"x"});
  CHECK(settings.types.find("c")->command == server::TextList{"env", "A=1", "cat"});
}

TEST_CASE("--task refuses what it cannot use") {
  const std::array<std::pair<const char*, const char*>, 6> cases{{
      {"wc", "--task: must be NAME='PROGRAM ARGS', as in --task count='wc -w'; there is no '=' in \"wc\""},
      {"=wc", "--task: the name must be 1 to 100 characters of A-Z a-z 0-9 _ . : -"},
      {"x=", "--task x: names no program behind the '='; give one, as in --task count='wc -w'"},
      {"x='wc", "--task x: a ' is not closed"},
      {"x=''", "--task x: names no program behind the '='; give one, as in --task count='wc -w'"},
      {"sleep=wc", "--task sleep: 'sleep' is built in and cannot be defined again"},
  }};
  for (const auto& [flag, message] : cases) {
    SettingSources sources;
    sources.tasks = {flag};
    CHECK(refusal(sources) == message);
  }
  SettingSources twice;
  twice.tasks = {"x=a", "x=b"};
  CHECK(refusal(twice) == "--task x: is given twice");
}

TEST_CASE("listen addresses") {
  CHECK(server::parse_listen_address("localhost:0").value() == server::ListenAddress{"127.0.0.1", 0});
  CHECK(server::parse_listen_address("[::]:65535").value() == server::ListenAddress{"::", 65535});
  for (const char* wrong : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                            "::1:80", "example.com:80", "[127.0.0.1]:80", "127.0.0.1:80x", "[]:80"}) {
    CAPTURE(wrong);
    CHECK_FALSE(server::parse_listen_address(wrong));
  }
  for (const char* inside : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"})
    CHECK(server::is_loopback(inside));
  for (const char* outside : {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "::ffff:10.0.0.1", "nonsense"}) {
    CHECK_FALSE(server::is_loopback(outside));
  }
}

TEST_CASE("an address that is not loopback needs a key") {
  SettingSources sources;
  sources.flags["listen"] = "0.0.0.0:8080";
  CHECK(refusal(sources) ==
        "listen: 0.0.0.0:8080 can be reached from other machines, so a key is needed. Set LONGHAUL_API_KEY "
        "to a secret of your "
        "own, or listen on 127.0.0.1");
  sources.environment["LONGHAUL_API_KEY"] = "secret";
  CHECK(loaded(sources).api_key == "secret");
  for (const char* wrong : {"", "two words", "t\xC3\xA9"}) {
    sources.environment["LONGHAUL_API_KEY"] = wrong;
    CHECK(refusal(sources).starts_with("LONGHAUL_API_KEY: must be 1 to 500 visible ASCII characters"));
  }
}
