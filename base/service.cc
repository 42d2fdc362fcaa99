#include "base/service.h"

#include <string>

namespace longhaul::base {

Result<void> ServiceList::start(const std::vector<Service*>& in_order) {
  for (Service* service : in_order) {
    auto started = service->start();
    if (!started) {
      stop();
      return fail(std::string(service->name()) + ": " + started.error().message);
    }
    started_.push_back(service);
  }
  return {};
}

void ServiceList::stop() {
  while (!started_.empty()) {
    started_.back()->stop();
    started_.pop_back();
  }
}

}  // namespace longhaul::base
