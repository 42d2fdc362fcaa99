// What the server asks for itself: the sweep of what is due, and the next page of a lane's ready queue. See
// storage/store.h.
#pragma once

#include <string_view>
#include <vector>

#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

class SweepRequest final : public AnsweredRequest<SweepOutcome> {
 public:
  static constexpr std::int64_t rows_in_a_slice = 200;

  explicit SweepRequest(Done<SweepOutcome> done) : AnsweredRequest(std::move(done)) {}
  void apply(WriteTransaction& transaction) override;
};

class LoadReadyRequest final : public AnsweredRequest<std::vector<ReadyTask>> {
 public:
  LoadReadyRequest(ReadyOrder order, Done<std::vector<ReadyTask>> done)
      : AnsweredRequest(std::move(done)), order_(std::move(order)) {}
  void apply(WriteTransaction& transaction) override;

 private:
  void read(Query& query);
  [[nodiscard]] std::int64_t left() const {
    return static_cast<std::int64_t>(order_.limit - outcome_.size());
  }

  const ReadyOrder order_;
};

}  // namespace longhaul::storage
