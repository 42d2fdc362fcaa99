#include "server/streams/wait_hub.h"

#include <future>
#include <utility>
#include <vector>

namespace longhaul::server {

struct WaitHub::Waiter final : EventSink {
  Waiter(WaitHub& of, WaiterNumber own, Above revision, Ended then)
      : hub(of), number(own), above(revision), ended(std::move(then)) {}
  void on_event(Publication& publication) override {
    const api::TaskSnapshotPtr task = publication.event()->task;
    if (is_met(*task, above)) hub.settle(number, task);  // which ends this waiter
  }
  void on_lost() override {}  // only followers are lost
  [[nodiscard]] bool goes_first() const override { return true; }

  WaitHub& hub;
  const WaiterNumber number;
  const Above above;
  Ended ended;
  HttpServer::TimerId timer = 0;
  EventHub::SubscriberNumber subscriber = 0;
};

WaitHub::WaitHub(HttpServer& server, EventHub& events, std::size_t max_waiters)
    : server_(server), events_(events), max_waiters_(max_waiters) {}

WaitHub::~WaitHub() = default;

WaitHub::WaiterNumber WaitHub::wait(const api::TaskId& id, const Responder& responder, base::BootTime until,
                                    Ended ended, Above above) {
  if (responder.answered()) return 0;  // hung up before it came to this
  if (closed_ || waiters_.size() >= max_waiters_) {
    ended(nullptr);
    return 0;
  }
  const WaiterNumber number = ++last_number_;
  auto waiter = std::make_unique<Waiter>(*this, number, above, std::move(ended));
  waiter->timer = server_.call_at(until, [this, number] { settle(number, nullptr); });
  waiter->subscriber = events_.subscribe(id, std::nullopt, waiter.get()).number;
  waiters_.emplace(number, std::move(waiter));
  waiter_count_.store(waiters_.size(), std::memory_order_relaxed);
  responder.on_hang_up([this, number] { forget(number); });
  return number;
}

void WaitHub::settle(WaiterNumber number, const api::TaskSnapshotPtr& task) {
  const auto found = waiters_.find(number);
  if (found == waiters_.end()) return;
  const Ended ended = std::move(found->second->ended);
  forget(number);
  ended(task);
}

bool WaitHub::forget(WaiterNumber number) {
  const auto found = waiters_.find(number);
  if (found == waiters_.end()) return false;
  server_.cancel_timer(found->second->timer);
  events_.unsubscribe(found->second->subscriber);
  waiters_.erase(found);
  waiter_count_.store(waiters_.size(), std::memory_order_relaxed);
  return true;
}

void WaitHub::close() {
  std::promise<void> ended;
  server_.post([this, &ended] {
    closed_ = true;
    std::vector<WaiterNumber> numbers;
    numbers.reserve(waiters_.size());
    for (const auto& [number, waiter] : waiters_) numbers.push_back(number);
    for (const WaiterNumber number : numbers) settle(number, nullptr);
    ended.set_value();
  });
  ended.get_future().wait();
}

}  // namespace longhaul::server
