// Starts threads. The system may have none left, which std::thread tells by an exception; here it is an error
// that says what to do.
//
// Thread-safety: a function without state. Ownership: the caller joins the thread.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "base/result.h"

namespace longhaul::base {

// `name` is what the system shows for it; its first 15 bytes are kept. `body` must not throw.
[[nodiscard]] Result<std::thread> start_thread(std::string name, std::function<void()> body);

}  // namespace longhaul::base
