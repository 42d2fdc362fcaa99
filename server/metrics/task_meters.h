// Counts what commits tell of tasks and deliveries. Since this process began: a counter that starts again at 0 is
// what Prometheus expects of a restart, and what is in the database is not counted a second time. A change that
// was committed right before the process died may be missing.
//
// Types: those named at the start, and each that a task is started with while there are fewer than
// limits::named_types, have series of their own; all others share one series (label_of_others.h).
//
// Waits go by the wall clock (a time that has become due is kept on that alone); runs by the boot clock, so that
// a stepped clock does not show in them.
//
// Thread-safety: observer calls on the store's writer thread; collect() from any. A known type costs a look-up
// and some additions without a lock.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>
#include "base/clock.h"
#include "storage/store.h"

namespace longhaul::server {

class TaskMeters {
 public:
  struct Options {
    std::vector<std::string> types;     // known from the start
    std::vector<std::string> builtins;  // of these and others, those that run in threads
    const base::Clock* clock = nullptr;
  };
  explicit TaskMeters(const Options& options);
  ~TaskMeters();

  void on_committed(std::span<const storage::TaskChange> changes);
  void on_deliveries_tried(std::span<const storage::TriedDelivery> tried);

  [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const;

 private:
  struct Families;
  struct TypeSeries;
  struct Series;
  const std::unique_ptr<Series> series_;
};

}  // namespace longhaul::server
