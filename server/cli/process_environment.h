// The variables of this process, as settings are read from them. Any thread, as long as none changes them.
#pragma once

#include <map>
#include <string>

namespace longhaul::server {

[[nodiscard]] std::map<std::string, std::string> environment_of_process();

}  // namespace longhaul::server
