#include <doctest/doctest.h>

#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "tests/support/seed.h"
#include "tests/worker/naive_outbox.h"
#include "worker/webhooks/due_queue.h"

using namespace longhaul;
using api::DeliveryKey;
using base::SteadyTime;
using tests::at;
using tests::limits_of;
using tests::NaiveOutbox;
using tests::owed;
using tests::take;
using worker::webhooks::DueQueue;

namespace {

// Random changes of an outbox and of its queue; after each step nothing that is due and might begin is left.
class Model {
 public:
  Model(std::uint64_t seed, bool has_room_for_all_origins)
      : random_(seed),
        origins_(2 + below(30)),
        page_(1 + below(40)),
        limits_(limits_of(1 + below(12), 1 + below(3), 0, 2 + below(30))),
        in_order_(has_room_for_all_origins) {
    limits_.kept = in_order_ ? (origins_ + 1) * limits_.kept_by_endpoint + limits_.under_way
                             : 16 * limits_.under_way + 20 + below(60);
    if (!in_order_) origins_ = limits_.kept + below(100);
    queue_.emplace(limits_);
    outbox_.emplace(*queue_);
  }

  void step() {
    now_ += below(4) == 0 ? below(60) : 0;
    for (std::uint64_t count = below(in_order_ ? 8 : 60); count > 0; --count) {
      const auto later = static_cast<std::int64_t>(below(3) == 0 ? below(400) : 0);
      outbox_->add(owed(++last_key_, now() + later, std::to_string(below(below(2) == 0 ? 3 : origins_))));
    }
    begin_all();
    for (std::uint64_t count = below(6); count > 0 && !under_way_.empty(); --count) end_one();
    if (below(100) == 0) queue_->read_all_again();
    begin_all();
    check_nothing_waits();
  }

  void drain() {
    for (int steps = 0; outbox_->size() > 0; ++steps) {
      REQUIRE(steps < 100'000);
      now_ += 20;
      begin_all();
      check_nothing_waits();
      while (!under_way_.empty()) end_one();
    }
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  [[nodiscard]] std::int64_t now() const { return static_cast<std::int64_t>(now_); }

  void begin_all() {
    for (bool more = true; more;) {
      more = false;
      outbox_->read_what_is_wanted(at(now()), page_);
      while (const auto key = take(*queue_, at(now()))) {
        more = true;
        REQUIRE(outbox_->due_of(*key) <= at(now()));
        check_order(*key);
        REQUIRE(under_way_.insert(*key).second);
        ++held_[outbox_->origin_of(*key)];
        outbox_->read_what_is_wanted(at(now()), page_);
      }
    }
  }
  void end_one() {
    const auto ended = std::next(under_way_.begin(), static_cast<std::ptrdiff_t>(below(under_way_.size())));
    --held_[outbox_->origin_of(*ended)];
    if (below(3) == 0) {
      outbox_->put_off(*ended, at(now() + static_cast<std::int64_t>(below(2) == 0 ? 5'000 : below(300))));
    } else {
      outbox_->settle(*ended);
    }
    under_way_.erase(ended);
  }

  // An origin's earliest goes first.
  void check_order(DeliveryKey key) {
    if (!in_order_) return;
    const auto due = SteadyTime(outbox_->due_of(key));
    const std::string& origin = outbox_->origin_of(key);
    bool is_first = true;
    for (const auto& [place, other] : outbox_->rows()) {
      if (place.first >= due) break;
      is_first &= other != origin || under_way_.contains(place.second);
    }
    REQUIRE(is_first);
  }
  void check_nothing_waits() {
    bool waits = false;
    for (const auto& [place, origin] : outbox_->rows()) {
      if (place.first > at(now())) break;
      const std::size_t held = held_[origin];
      const std::size_t shares = 2 * limits_.under_way_by_endpoint;
      const std::size_t kept_free = (held * limits_.under_way + shares - 1) / shares;
      waits |= !under_way_.contains(place.second) && held < limits_.under_way_by_endpoint &&
               under_way_.size() + kept_free < limits_.under_way;
    }
    REQUIRE_FALSE(waits);
  }

  std::mt19937_64 random_;
  std::uint64_t origins_;
  std::size_t page_;
  DueQueue::Limits limits_;
  bool in_order_;
  std::optional<DueQueue> queue_;
  std::optional<NaiveOutbox> outbox_;
  std::set<DeliveryKey> under_way_;
  std::map<std::string, std::size_t> held_;
  std::uint64_t now_ = 0;
  std::int64_t last_key_ = 0;
};

}  // namespace

TEST_CASE("due queue: agrees with a naive outbox that nothing is later than it must be") {
  const auto seed = tests::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int run = 0; run < 16; ++run) {
    CAPTURE(run);
    Model model(random(), run % 2 == 0);
    for (int i = 0; i < 150; ++i) model.step();
    model.drain();
  }
}
