// On which terms a start may be answered with a result that is there already, and has its own kept. A value.
#pragma once

#include <string>

#include "base/clock.h"

namespace longhaul::api {

struct CacheTerms {
  std::string key;              // results are kept for each type and key
  base::Milliseconds fresh{0};  // a younger one is answered with, and nothing runs
  base::Milliseconds stale{0};  // one at most this old is answered with when the task is late, or fails
};

}  // namespace longhaul::api
