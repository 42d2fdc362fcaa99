// What is measured: the real server, and the bare loop beside it. Each is a process of its own and ends with
// its object. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/bench/child_process.h"
#include "tests/bench/process_figures.h"

namespace longhaul::bench {

// A process that answers HTTP.
struct Subject {
  pid_t pid = -1;
  std::uint16_t port = 0;
  [[nodiscard]] base::Result<ProcessFigures> figures() const { return read_process_figures(pid); }
};

// `longhaul serve` on a free port, with a database in a folder of its own, which goes with it. It knows,
// besides what is built in, the command type `true`; 64 tasks of the queue `threads` and 16 of the queue
// `commands` run at once.
class Server {
 public:
  // `parent`: where its folder is made; empty: where temporary files are.
  [[nodiscard]] static base::Result<std::unique_ptr<Server>> start(const std::string& program,
                                                                   const std::string& parent = {});
  // Ends it and starts it anew on the same database, with these arguments besides its own.
  [[nodiscard]] base::Result<void> restart(const std::vector<std::string>& arguments);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] Subject subject() const { return {process_->pid(), port_}; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

  // Starts a task by this body, waits until it has succeeded, and returns its id.
  [[nodiscard]] base::Result<std::string> run_task(const std::string& body) const;
  // How many tasks are in that state now.
  [[nodiscard]] base::Result<std::int64_t> count_tasks(const std::string& state) const;
  // Waits until that task is final, and then until none is queued or running.
  [[nodiscard]] base::Result<void> wait_until_done(const std::string& last_id) const;

 private:
  Server(std::string program, std::string folder)
      : program_(std::move(program)), folder_(std::move(folder)) {}
  [[nodiscard]] base::Result<void> run(const std::vector<std::string>& arguments);

  const std::string program_;
  const std::string folder_;
  std::unique_ptr<ChildProcess> process_;
  std::uint16_t port_ = 0;
};

class BareServer {
 public:
  // `program`: the benchmark itself. `answer`: the bytes of the answer that it gives.
  [[nodiscard]] static base::Result<BareServer> start(const std::string& program, const std::string& answer);
  [[nodiscard]] Subject subject() const { return {process_.pid(), port_}; }

 private:
  BareServer(ChildProcess process, std::uint16_t port) : process_(std::move(process)), port_(port) {}

  ChildProcess process_;
  std::uint16_t port_;
};

// The id in the body of a status; empty when there is none.
[[nodiscard]] std::string task_id_of(std::string_view body);

}  // namespace longhaul::bench
