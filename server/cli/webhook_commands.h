// The commands below `longhaul webhooks` that ask a server. As commands.h says. One thread.
#pragma once

namespace longhaul::server {

class Command;

// add, list, show, change, rotate, enable, disable, remove.
void add_webhook_registering(Command webhooks);
// test, deliveries, redeliver, recover.
void add_webhook_deliveries(Command webhooks);

}  // namespace longhaul::server
