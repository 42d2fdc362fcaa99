// One run of a client command: the server it talks to, how it prints, and what it returns when the server
// refuses or is not there. A call that did not work has been complained about on stderr already; the caller
// only passes its exit code on. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/cli/api_client.h"
#include "server/cli/event_reader.h"
#include "server/cli/exit_code.h"
#include "server/cli/json_object.h"

namespace longhaul::server {

class Command;
class Option;

struct ClientOptions {
  std::string server = "http://127.0.0.1:8080";
  bool json = false;
};
// --server and --json, with LONGHAUL_SERVER.
void add_client_options(Command command, ClientOptions& options);
// An option whose value goes into a query, as its parameter of that name.
Option add_parameter(Command command, const std::string& flag, NameValues& into, const std::string& parameter,
                     const std::string& type_name, const std::string& help);

template <class T>
using Accepted = base::Result<T, ExitCode>;

class Session {
 public:
  // Takes the key from LONGHAUL_API_KEY, if there is one.
  [[nodiscard]] static Accepted<Session> open(const ClientOptions& options);

  [[nodiscard]] Accepted<Reply> get(const std::string& path, const NameValues& query = {},
                                    double wait_seconds = 0);
  [[nodiscard]] Accepted<Reply> post(const std::string& path, const NameValues& query,
                                     const std::string& body, const NameValues& headers,
                                     double wait_seconds = 0);
  [[nodiscard]] Accepted<Reply> patch(const std::string& path, const std::string& body);
  [[nodiscard]] Accepted<Reply> remove(const std::string& path, const NameValues& query, double wait_seconds);
  // As get(), for what is asked again and again: a server that is away for up to half a minute (a restart) is
  // waited for.
  [[nodiscard]] Accepted<Reply> get_patiently(const std::string& path, const NameValues& query,
                                              double wait_seconds);

  // Hands over the events of a stream until `take` wants no more (true), or the server says that there are no more
  // (false). A stream that ends before that is taken up where it was; a server that is away meanwhile is waited
  // for as above.
  [[nodiscard]] Accepted<bool> follow(const std::string& path, const NameValues& query,
                                      const EventReader::Take& take);

  [[nodiscard]] bool json() const { return json_; }
  // The answer's own text, untouched.
  static void print(const Reply& reply);
  // The answer as an object; complains about a server that speaks of something else.
  [[nodiscard]] Accepted<JsonObject> read(const Reply& reply) const;
  // A page of a list: as a table, or as it is with --json; says how to go on where there is more. `member` holds the rows.
  [[nodiscard]] ExitCode print_page(const Reply& reply, std::string_view member,
                                    std::string (*table)(const std::vector<JsonObject>&)) const;

 private:
  Session(std::unique_ptr<ApiClient> client, bool json) : client_(std::move(client)), json_(json) {}
  [[nodiscard]] Accepted<Reply> accepted(Answer answer) const;

  std::unique_ptr<ApiClient> client_;
  bool json_;
};

}  // namespace longhaul::server
