#include "server/metrics/family_list.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace longhaul::server {

using prometheus::ClientMetric;
using prometheus::MetricType;

FamilyList& FamilyList::begin(std::string_view name, std::string_view help, MetricType type) {
  families_.push_back({std::string(name), std::string(help), type, {}});
  return *this;
}
FamilyList& FamilyList::gauge(std::string_view name, std::string_view help) {
  return begin(name, help, MetricType::Gauge);
}
FamilyList& FamilyList::counter(std::string_view name, std::string_view help) {
  return begin(name, help, MetricType::Counter);
}
FamilyList& FamilyList::histogram(std::string_view name, std::string_view help) {
  return begin(name, help, MetricType::Histogram);
}

FamilyList& FamilyList::sample(Labels labels, double value) {
  prometheus::MetricFamily& family = families_.back();
  ClientMetric metric;
  for (const auto& [name, text] : labels) metric.label.push_back({std::string(name), std::string(text)});
  if (family.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
  return *this;
}

FamilyList& FamilyList::sample(const storage::DurationCounts& counts) {
  ClientMetric metric;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.counts.size(); ++i) {
    total += counts.counts[i];
    const bool is_last = i == counts.bounds_seconds.size();
    metric.histogram.bucket.push_back(
        {total, is_last ? std::numeric_limits<double>::infinity() : counts.bounds_seconds[i]});
  }
  metric.histogram.sample_count = total;
  metric.histogram.sample_sum = counts.sum_seconds;
  families_.back().metric.push_back(std::move(metric));
  return *this;
}

void FamilyList::append(std::vector<prometheus::MetricFamily> families) {
  std::move(families.begin(), families.end(), std::back_inserter(families_));
}

std::vector<prometheus::MetricFamily> FamilyList::take_sorted() {
  for (auto& family : families_) {
    std::ranges::sort(family.metric, {}, &ClientMetric::label);
  }
  std::ranges::sort(families_, {}, &prometheus::MetricFamily::name);
  return std::move(families_);
}

}  // namespace longhaul::server
