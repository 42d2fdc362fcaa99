// Whether a task type's program can be started here, looked for where the spawner would look. One thread, for it
// reads the environment.
#pragma once

#include <string>

namespace longhaul::server {

// A path, or a name that is in a folder of PATH; a file that this user may execute.
[[nodiscard]] bool can_be_found(const std::string& program);

}  // namespace longhaul::server
