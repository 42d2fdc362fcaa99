// One budget, in bytes, for all request bodies in memory, so that many clients together cannot fill it.
// Thread-safety: everything, from any thread. A charge gives back what it took when it dies.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace longhaul::server {

class BodyBudget {
 public:
  explicit BodyBudget(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  [[nodiscard]] bool try_take(std::size_t bytes) {
    if (used_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_bytes_) return true;
    give_back(bytes);
    return false;
  }
  void give_back(std::size_t bytes) { used_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  [[nodiscard]] bool has_room_for(std::size_t bytes) const {
    const std::size_t used = used_bytes();
    return used <= limit_bytes_ && bytes <= limit_bytes_ - used;
  }
  [[nodiscard]] std::size_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }

 private:
  const std::size_t limit_bytes_;
  std::atomic<std::size_t> used_bytes_{0};
};

class BodyCharge {
 public:
  explicit BodyCharge(std::shared_ptr<BodyBudget> budget) : budget_(std::move(budget)) {}
  BodyCharge(BodyCharge&& other) noexcept
      : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
  BodyCharge& operator=(BodyCharge&&) = delete;
  BodyCharge(const BodyCharge&) = delete;
  BodyCharge& operator=(const BodyCharge&) = delete;
  ~BodyCharge() { release(); }

  // Charges as much as a body that is now `bytes` long; false when the budget does not have it.
  [[nodiscard]] bool grow_to(std::size_t bytes) {
    if (bytes <= bytes_) return true;
    if (!budget_->try_take(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }
  // The charge as something to pass along with the body. Empty when nothing is charged. This one charges
  // nothing then.
  [[nodiscard]] std::shared_ptr<const void> hand_over() {
    if (bytes_ == 0) return nullptr;
    auto handed = std::make_shared<BodyCharge>(budget_);
    handed->bytes_ = std::exchange(bytes_, 0);
    return handed;
  }
  void release() {
    if (bytes_ > 0) budget_->give_back(std::exchange(bytes_, 0));
  }

 private:
  std::shared_ptr<BodyBudget> budget_;
  std::size_t bytes_ = 0;
};

}  // namespace longhaul::server
