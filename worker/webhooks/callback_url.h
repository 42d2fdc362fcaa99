// What can be said of a URL before anything is sent to it, so that a caller hears of a mistake at once and not by
// a delivery that fails: whether it is one (api/web_url.h), and whether it may lead where it says.
//
// What a name resolves to is not looked at: that is judged when a connection is made (address_guard.h).
// Thread-safety: any thread. No input or output.
#pragma once

#include <optional>
#include <string>

#include "worker/webhooks/address_guard.h"

namespace longhaul::worker::webhooks {

// Nothing when it may be kept, else what is wrong with it: "must not hold a user name or a password".
[[nodiscard]] std::optional<std::string> fault_of_url(const std::string& url, const AddressGuard& guard);

}  // namespace longhaul::worker::webhooks
