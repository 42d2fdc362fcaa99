// One contract for everything that runs for longer than a call, and the list that boots and stops the house.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace longhaul::base {

// start() is called once and returns when the service works or has failed (then it holds nothing). stop() is
// called once after a successful start, from any thread but the service's own, and returns when its threads
// have ended.
class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual Result<void> start() = 0;
  virtual void stop() = 0;
};

// Starts services in the order given and stops them in reverse. Does not own them. One thread only.
class ServiceList {
 public:
  // A failed start stops the ones already started and names the service in the error.
  [[nodiscard]] Result<void> start(const std::vector<Service*>& in_order);
  void stop();

 private:
  std::vector<Service*> started_;
};

}  // namespace longhaul::base
