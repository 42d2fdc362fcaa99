// What happens to attempts: claimed, its process known, told to stop, ended. See storage/store.h for what
// each promises.
#pragma once

#include <vector>

#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

class ClaimRequest final : public AnsweredRequest<ClaimOutcome> {
 public:
  ClaimRequest(std::vector<ClaimOrder> orders, Done<ClaimOutcome> done)
      : AnsweredRequest(std::move(done)), orders_(std::move(orders)) {}
  void apply(WriteTransaction& transaction) override;
  [[nodiscard]] std::size_t changes() const override { return orders_.size(); }

 private:
  const std::vector<ClaimOrder> orders_;
};

class RecordProcessRequest final : public WriteRequest {
 public:
  RecordProcessRequest(TaskKey key, AttemptToken token, ProcessIdentity process)
      : key_(key), token_(token), process_(std::move(process)) {}
  void apply(WriteTransaction& transaction) override;
  void answer() override {}
  void refuse(const StoreError& error) override;

 private:
  const TaskKey key_;
  const AttemptToken token_;
  const ProcessIdentity process_;
};

class StopAttemptRequest final : public AnsweredRequest<FinishOutcome> {
 public:
  StopAttemptRequest(TaskKey key, AttemptToken token, api::StopCause cause, Done<FinishOutcome> done)
      : AnsweredRequest(std::move(done)), key_(key), token_(token), cause_(cause) {}
  void apply(WriteTransaction& transaction) override;
  [[nodiscard]] std::optional<TaskKey> settles() const override { return key_; }

 private:
  const TaskKey key_;
  const AttemptToken token_;
  const api::StopCause cause_;
};

class FinishRequest final : public AnsweredRequest<FinishOutcome> {
 public:
  FinishRequest(AttemptEnd end, Done<FinishOutcome> done)
      : AnsweredRequest(std::move(done)), end_(std::move(end)) {}
  void apply(WriteTransaction& transaction) override;
  [[nodiscard]] std::optional<TaskKey> settles() const override { return end_.key; }
  [[nodiscard]] std::size_t bytes() const override { return end_.result ? end_.result->text.size() : 0; }

 private:
  const AttemptEnd end_;
};

}  // namespace longhaul::storage
