// What the library that sends deliveries says of itself. Pure; any thread.
#pragma once

#include <string>

namespace longhaul::worker::webhooks {

struct CurlFacts {
  std::string version;  // "libcurl 7.88.1"
  std::string
      certificates;  // the file or folder that it trusts where the settings name none; empty: none known
};
[[nodiscard]] CurlFacts curl_facts();

}  // namespace longhaul::worker::webhooks
