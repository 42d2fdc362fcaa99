#include "server/cli/examine_machine.h"

#include <httplib.h>
#include <openssl/crypto.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "api/limits.h"
#include "base/clock.h"
#include "storage/sqlite/database_file.h"
#include "worker/webhooks/curl_facts.h"

namespace longhaul::server {
namespace {

using Findings = std::vector<Finding>;

std::optional<rlim_t> hard_limit(__rlimit_resource resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return std::nullopt;
  return limit.rlim_max;
}

std::string text_of(rlim_t limit) { return limit == RLIM_INFINITY ? "no limit" : std::to_string(limit); }

Finding examine_descriptors() {
  const auto limit = hard_limit(RLIMIT_NOFILE);
  if (!limit)
    return {"descriptors", Verdict::wrong, std::string("cannot be asked for: ") + std::strerror(errno)};
  const bool is_enough = *limit > api::limits::connections;
  return {"descriptors", is_enough ? Verdict::fine : Verdict::notice,
          text_of(*limit) + " may be open; each connection is one, and at most " +
              std::to_string(api::limits::connections) + " are taken"};
}

// How a limit of task types is held here; `asked` finds what a type asks for. A process cannot be given more than
// the server has itself.
template <class Asked>
void examine_rlimit(const char* name, __rlimit_resource resource, const char* what, Asked asked,
                    const Settings* settings, Findings& findings) {
  const auto limit = hard_limit(resource);
  if (!limit) {
    findings.push_back({name, Verdict::wrong, std::string("cannot be enforced: ") + std::strerror(errno)});
    return;
  }
  findings.push_back({name, Verdict::fine,
                      "can be enforced, for each process of a command (" + std::string(what) +
                          "); the server itself has " + text_of(*limit)});
  if (settings == nullptr) return;
  for (const auto& [type_name, type] : settings->types.all()) {
    const std::optional<std::int64_t> wanted = asked(*type);
    if (wanted && static_cast<rlim_t>(*wanted) > *limit) {
      findings.push_back({"task type " + type_name, Verdict::notice,
                          std::string(name) + " is " + std::to_string(*wanted) +
                              ", and gets no more than the server's " + text_of(*limit)});
    }
  }
}

Finding examine_memory() {
  const bool is_v2 = ::access("/sys/fs/cgroup/cgroup.controllers", R_OK) == 0;
  return {
      "memory", Verdict::notice,
      std::string("of commands is not limited: the system's out-of-memory killer decides. Control groups: ") +
          (is_v2 ? "version 2" : "no version 2 here") + ", not used"};
}

}  // namespace

void examine_limits(const Settings* settings, Findings& findings) {
  findings.push_back(examine_descriptors());
  examine_rlimit(
      "cpu_seconds", RLIMIT_CPU, "RLIMIT_CPU", [](const worker::TaskType& type) { return type.cpu_seconds; },
      settings, findings);
  examine_rlimit(
      "open_files", RLIMIT_NOFILE, "RLIMIT_NOFILE",
      [](const worker::TaskType& type) { return type.open_files; }, settings, findings);
  findings.push_back(examine_memory());
  if (const auto processes = hard_limit(RLIMIT_NPROC)) {
    findings.push_back(
        {"process limit", Verdict::fine,
         text_of(*processes) + " for this user, all tasks together (RLIMIT_NPROC); not set for tasks"});
  }
  if (::access("/proc/self/stat", R_OK) != 0) {
    findings.push_back({"processes", Verdict::wrong,
                        "/proc is not there: what a killed server leaves running would not be found"});
  }
  if (base::boot_id().empty()) {
    findings.push_back({"boot id", Verdict::notice,
                        "the kernel does not tell: a duration counts on by the wall clock after a restart"});
  }
}

Finding library_versions() {
  return {"versions", Verdict::fine,
          "longhaul " LONGHAUL_VERSION ", SQLite " + std::string(storage::sqlite_version()) + ", " +
              worker::webhooks::curl_facts().version + ", cpp-httplib " CPPHTTPLIB_VERSION ", " +
              OpenSSL_version(OPENSSL_VERSION)};
}

}  // namespace longhaul::server
