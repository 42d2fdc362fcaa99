// Puts figures that were read just now into families of samples, as the serializer wants them. Not thread-safe.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include "storage/figures.h"

namespace longhaul::server {

class FamilyList {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // A family of one sample, or the beginning of one with several.
  FamilyList& gauge(std::string_view name, std::string_view help);
  FamilyList& counter(std::string_view name, std::string_view help);
  FamilyList& histogram(std::string_view name, std::string_view help);

  // Samples of the family begun last.
  FamilyList& sample(Labels labels, double value);
  FamilyList& sample(double value) { return sample({}, value); }
  FamilyList& sample(const storage::DurationCounts& counts);

  void append(std::vector<prometheus::MetricFamily> families);
  // By name, so that two scrapes can be compared by eye.
  [[nodiscard]] std::vector<prometheus::MetricFamily> take_sorted();

 private:
  FamilyList& begin(std::string_view name, std::string_view help, prometheus::MetricType type);
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace longhaul::server
