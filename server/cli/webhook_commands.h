// The commands below `longhaul webhooks` that ask a server. As commands.h says. One thread.
#pragma once

#include "server/cli/commands.h"

namespace longhaul::server {

// add, list, show, change, rotate, enable, disable, remove.
void add_webhook_registering(CLI::App& webhooks, Action& chosen);
// test, deliveries, redeliver, recover.
void add_webhook_deliveries(CLI::App& webhooks, Action& chosen);

}  // namespace longhaul::server
