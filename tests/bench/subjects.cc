#include "tests/bench/subjects.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "tests/bench/client_socket.h"
#include "tests/bench/load_generator.h"

namespace longhaul::bench {
namespace {

constexpr auto start_time_max = std::chrono::seconds(20);
constexpr const char* configuration = R"([queues.threads]
concurrency = 64
[queues.commands]
concurrency = 16
[tasks.true]
command = ["/bin/true"]
[webhooks]
allow_addresses = ["127.0.0.1"]
)";

base::Result<std::string> make_folder(std::filesystem::path parent) {
  std::error_code error;
  if (parent.empty()) parent = std::filesystem::temp_directory_path(error);
  std::string name = (parent / "longhaul-bench-XXXXXX").string();
  if (error || ::mkdtemp(name.data()) == nullptr) return base::fail("cannot make a folder like " + name);
  return name;
}

// From a line that ends in the address of a server; 0 when it does not.
std::uint16_t port_of(const std::string& line) {
  const auto colon = line.rfind(':');
  if (colon == std::string::npos) return 0;
  return static_cast<std::uint16_t>(std::strtoul(line.c_str() + colon + 1, nullptr, 10));
}

base::Result<std::uint16_t> read_port(ChildProcess& process) {
  const auto line = process.read_line(start_time_max);
  if (!line) return base::fail(line.error().message);
  if (const std::uint16_t port = port_of(line.value()); port != 0) return port;
  return base::fail("said '" + line.value() + "' instead of where it listens");
}

}  // namespace

base::Result<std::unique_ptr<Server>> Server::start(const std::string& program, const std::string& parent) {
  auto folder = make_folder(parent);
  if (!folder) return base::fail(folder.error().message);
  std::unique_ptr<Server> server(new Server(program, std::move(*folder)));
  std::ofstream(server->folder_ + "/longhaul.toml") << configuration;
  if (auto runs = server->run({}); !runs) return base::fail(runs.error().message);
  return server;
}

base::Result<void> Server::restart(const std::vector<std::string>& arguments) {
  process_.reset();
  return run(arguments);
}

base::Result<void> Server::run(const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {program_,      "serve",
                                      "--listen",    "127.0.0.1:0",
                                      "--database",  folder_ + "/longhaul.db",
                                      "--config",    folder_ + "/longhaul.toml",
                                      "--log-level", "warning"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto process = ChildProcess::start(command);
  if (!process) return base::fail(process.error().message);
  process_ = std::make_unique<ChildProcess>(std::move(*process));
  const auto port = read_port(*process_);
  if (!port) return base::fail(program_ + " " + port.error().message);
  port_ = port.value();
  return {};
}

Server::~Server() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

base::Result<std::string> Server::run_task(const std::string& body) const {
  auto started = ask(port_, post_request("/start-task", body), 202);
  if (!started) return started;
  std::string id = task_id_of(started.value());
  auto ended = ask(port_, get_request("/task-status/" + id + "?wait=60"));
  if (!ended) return ended;
  if (ended.value().find("\"status\":\"succeeded\"") == std::string::npos)
    return base::fail("ended as " + ended.value());
  return id;
}

base::Result<std::int64_t> Server::count_tasks(const std::string& state) const {
  const auto answer = ask(port_, get_request("/stats"));
  if (!answer) return base::fail(answer.error().message);
  return nlohmann::json::parse(answer.value()).at("tasks").at(state).get<std::int64_t>();
}

base::Result<void> Server::wait_until_done(const std::string& last_id) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(15);
  for (bool is_final = false; !is_final;) {
    const auto last = ask(port_, get_request("/task-status/" + last_id + "?wait=60"));
    if (!last) return base::fail(last.error().message);
    is_final = !nlohmann::json::parse(last.value()).at("finished_at").is_null();
    if (std::chrono::steady_clock::now() > end)
      return base::fail("tasks are still not final after a quarter of an hour");
  }
  // Those that were started before it may end a little later.
  while (std::chrono::steady_clock::now() < end) {
    const auto answer = ask(port_, get_request("/stats"));
    if (!answer) return base::fail(answer.error().message);
    const auto tasks = nlohmann::json::parse(answer.value()).at("tasks");
    if (tasks.at("queued") == 0 && tasks.at("running") == 0) return {};
  }
  return base::fail("tasks are still not final after a quarter of an hour");
}

base::Result<BareServer> BareServer::start(const std::string& program, const std::string& answer) {
  auto process = ChildProcess::start({program, "bare-loop"}, std::to_string(answer.size()) + "\n" + answer);
  if (!process) return base::fail(process.error().message);
  const auto port = read_port(*process);
  if (!port) return base::fail("the bare loop: " + port.error().message);
  return BareServer(std::move(*process), port.value());
}

std::string task_id_of(std::string_view body) {
  constexpr std::string_view name = "\"task_id\":\"";
  const auto at = body.find(name);
  if (at == std::string_view::npos) return "";
  const std::string_view rest = body.substr(at + name.size());
  return std::string(rest.substr(0, rest.find('"')));
}

}  // namespace longhaul::bench
