// The headers of one attempt to deliver. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "storage/outbox.h"
#include "worker/webhooks/signature.h"

namespace longhaul::worker::webhooks {

// Signed with each of the keys, the newest first. `at` is the time of this attempt; `span` names it within the task's trace, and is used where there is one.
[[nodiscard]] std::vector<std::string> request_headers(const storage::DeliveryContent& content,
                                                       std::span<SigningKey* const> keys, base::WallTime at,
                                                       std::uint64_t span);

// The same trace with another span as its parent (W3C Trace Context, version 00); nothing when it is no trace.
[[nodiscard]] std::optional<std::string> with_own_span(std::string_view traceparent, std::uint64_t span);

}  // namespace longhaul::worker::webhooks
