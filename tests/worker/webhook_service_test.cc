#include <doctest/doctest.h>
#include <httplib.h>

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "tests/worker/patience.h"
#include "worker/webhooks/delivery_service.h"

using namespace longhaul;
using namespace std::chrono_literals;
using api::DeliveryKey;
using api::DeliveryStatus;
using worker::webhooks::AddressGuard;
using worker::webhooks::AddressRange;
using worker::webhooks::DeliveryOptions;

namespace {

// An outbox in memory that can refuse to write or to read.
class HandOutbox final : public storage::Outbox {
 public:
  explicit HandOutbox(const base::Clock& clock) : clock_(clock) {}

  std::atomic<int> refuse_records = 0;  // the next so many
  std::atomic<int> refuse_reads = 0;
  std::atomic<int> records_asked = 0;
  std::atomic<int> contents_read = 0;          // how often, however many together
  std::function<void()> after_record = [] {};  // on the service's own thread, right behind the answer

  storage::OwedDelivery put(std::int64_t key, const std::string& url) {
    base::MutexLock lock(mutex_);
    rows_[DeliveryKey(key)] = {url, now().steady, 0, DeliveryStatus::pending, {}};
    return {DeliveryKey(key), {}, now().steady, "origin", "origin"};
  }
  // Waits until a delivery is over.
  DeliveryStatus ended(std::int64_t key) {
    base::MutexLock lock(mutex_);
    tests::Patience left("the end of a delivery");
    while (rows_.at(DeliveryKey(key)).status == DeliveryStatus::pending) left.wait(changed_, mutex_);
    return rows_.at(DeliveryKey(key)).status;
  }
  api::DeliveryAttempt last_attempt(std::int64_t key) {
    base::MutexLock lock(mutex_);
    return rows_.at(DeliveryKey(key)).last;
  }

  void record_deliveries(std::vector<storage::DeliveryReport> reports,
                         storage::Done<std::vector<std::optional<storage::DeliveryStanding>>> done) override {
    records_asked += static_cast<int>(reports.size());
    if (refuse_records > 0) {
      --refuse_records;
      return done(base::Failure{storage::StoreError{storage::StoreFault::storage_full, "no space left"}});
    }
    std::vector<std::optional<storage::DeliveryStanding>> standings;
    for (const storage::DeliveryReport& report : reports) {
      storage::DeliveryStanding standing{report.status, std::nullopt, std::nullopt};
      base::MutexLock lock(mutex_);
      Row& row = rows_.at(report.key);
      ++row.attempts;
      row.status = report.status;
      row.due = now().steady + report.backoff.value_or(0ms);
      row.last = report.attempt.value();
      if (report.status == DeliveryStatus::pending) standing.due = row.due;
      standings.emplace_back(standing);
      changed_.notify_all();
    }
    done(std::move(standings));
    after_record();
  }
  storage::StoreResult<std::vector<storage::OwedDelivery>> owed_deliveries(
      const std::optional<storage::OwedDelivery>&, std::size_t) override {
    if (refuse_reads > 0) return refusal();
    std::vector<storage::OwedDelivery> owed;
    base::MutexLock lock(mutex_);
    for (const auto& [key, row] : rows_) {
      if (row.status == DeliveryStatus::pending) owed.push_back({key, {}, row.due, "origin", "origin"});
    }
    return owed;
  }
  storage::StoreResult<std::vector<std::optional<storage::DeliveryContent>>> find_deliveries(
      const std::vector<DeliveryKey>& keys) override {
    if (refuse_reads > 0) return refusal();
    ++contents_read;
    base::MutexLock lock(mutex_);
    std::vector<std::optional<storage::DeliveryContent>> contents;
    for (const DeliveryKey key : keys) {
      const auto found = rows_.find(key);
      auto& content = contents.emplace_back();
      if (found == rows_.end() || found->second.status != DeliveryStatus::pending) continue;
      content.emplace();
      content->url = found->second.url;
      content->body = "{}";
      content->attempts = found->second.attempts;
    }
    return contents;
  }
  storage::StoreResult<std::optional<std::vector<api::DeliverySummary>>> deliveries_of(
      const api::TaskId&) override {
    return std::optional<std::vector<api::DeliverySummary>>();
  }
  // Nobody asks for these here.
  void redeliver(api::DeliveryId, storage::Done<storage::SendOutcome>) override {}
  void recover(storage::RecoverOrder, storage::Done<storage::RecoverOutcome>) override {}
  void send_test(api::WebhookId, storage::Done<storage::SendOutcome>) override {}
  storage::StoreResult<std::optional<storage::DeliveryPage>> deliveries_of(
      const api::DeliveryQuery&) override {
    return std::optional<storage::DeliveryPage>();
  }
  storage::StoreResult<std::optional<api::DeliveryDetail>> find_detail(const api::DeliveryId&) override {
    return std::optional<api::DeliveryDetail>();
  }
  const std::string& callback_secret() const override { return secret; }
  storage::Now now() const override {
    return {
        clock_.wall(),
        api::SteadyTime(std::chrono::duration_cast<base::Milliseconds>(clock_.boot().time_since_epoch()))};
  }

  std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

 private:
  struct Row {
    std::string url;
    api::SteadyTime due;
    int attempts = 0;
    DeliveryStatus status = DeliveryStatus::pending;
    api::DeliveryAttempt last;
  };
  base::Failure<storage::StoreError> refusal() {
    --refuse_reads;
    return base::Failure{storage::StoreError{storage::StoreFault::unavailable, "a read failed"}};
  }

  const base::Clock& clock_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::map<DeliveryKey, Row> rows_ GUARDED_BY(mutex_);
};

// Answers what a path says: "/503" with that, "/big" at length, "/silent" not before it ends, others with 200.
class Receiver {
 public:
  Receiver() {
    server_.Post(".*", [this](const httplib::Request& request, httplib::Response& response) {
      ++requests;
      if (request.path == "/silent") end_.wait();
      if (request.path == "/503") response.status = 503;
      if (request.path == "/big") response.set_content(std::string(1'000'000, 'x'), "text/plain");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    server_.wait_until_ready();
  }
  ~Receiver() {
    ends_.set_value();
    server_.stop();
    thread_.join();
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::atomic<int> requests = 0;

 private:
  std::promise<void> ends_;
  const std::shared_future<void> end_ = ends_.get_future().share();
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

struct House {
  base::SystemClock clock;
  HandOutbox outbox{clock};
  Receiver receiver;
  AddressGuard guard{{{AddressRange::parse("127.0.0.0/8").value()}, {}}};

  std::unique_ptr<worker::webhooks::DeliveryService> service(worker::webhooks::RetrySchedule retries = {
                                                                 1ms, 1ms}) {
    DeliveryOptions options;
    options.outbox = &outbox;
    options.clock = &clock;
    options.guard = &guard;
    options.retries = std::move(retries);
    return worker::webhooks::make_delivery_service(std::move(options));
  }
};

}  // namespace

TEST_CASE("webhook service: what was owed before the start, and what comes to be owed") {
  House house;
  static_cast<void>(house.outbox.put(1, house.receiver.url("/")));
  const auto service = house.service();
  REQUIRE(service->start().ok());
  CHECK(house.outbox.ended(1) == DeliveryStatus::delivered);
  const auto second = house.outbox.put(2, house.receiver.url("/"));
  service->on_deliveries(std::span(&second, 1));
  CHECK(house.outbox.ended(2) == DeliveryStatus::delivered);
  const auto third = house.outbox.put(3, house.receiver.url("/503"));
  service->on_deliveries(std::span(&third, 1));
  CHECK(house.outbox.ended(3) == DeliveryStatus::exhausted);
  service->stop();
  CHECK(house.receiver.requests == 5);
}

TEST_CASE(
    "webhook service: an attempt that cannot be written down is not made again, but written when it can be") {
  House house;
  const auto service = house.service();
  REQUIRE(service->start().ok());
  house.outbox.refuse_records = 3;  // rests of 100, 200 and 400 ms
  const auto first = house.outbox.put(1, house.receiver.url("/"));
  service->on_deliveries(std::span(&first, 1));
  CHECK(house.outbox.ended(1) == DeliveryStatus::delivered);
  CHECK(house.outbox.records_asked == 4);
  CHECK(house.receiver.requests == 1);
  service->stop();
}

TEST_CASE("webhook service: while nothing can be written down, nothing more is sent") {
  House house;
  const auto service = house.service();
  REQUIRE(service->start().ok());
  house.outbox.refuse_records = 1'000'000;
  const auto first = house.outbox.put(1, house.receiver.url("/"));
  service->on_deliveries(std::span(&first, 1));
  for (tests::Patience left("a second try"); house.outbox.records_asked < 2;) left.yield();
  for (int key = 2; key <= 50; ++key) {
    const auto more = house.outbox.put(key, house.receiver.url("/"));
    service->on_deliveries(std::span(&more, 1));
  }
  const int asked = house.outbox.records_asked;
  for (tests::Patience left("two more tries"); house.outbox.records_asked < asked + 2;) left.yield();
  CHECK(house.receiver.requests == 1);
  house.outbox.refuse_records = 0;
  for (int key = 1; key <= 50; ++key) CHECK(house.outbox.ended(key) == DeliveryStatus::delivered);
  CHECK(house.receiver.requests == 50);
  service->stop();
}

TEST_CASE("webhook service: what has ended is written down while others do not answer") {
  House house;
  const auto service = house.service();
  REQUIRE(service->start().ok());
  const auto silent = house.outbox.put(1, house.receiver.url("/silent"));
  service->on_deliveries(std::span(&silent, 1));
  for (tests::Patience left("the request"); house.receiver.requests < 1;) left.yield();
  const auto other = house.outbox.put(2, house.receiver.url("/"));
  service->on_deliveries(std::span(&other, 1));
  CHECK(house.outbox.ended(2) == DeliveryStatus::delivered);
  CHECK(house.outbox.records_asked == 1);  // the other is still under way
  service->stop();
}

TEST_CASE("webhook service: reads that fail are tried again") {
  House house;
  static_cast<void>(house.outbox.put(1, house.receiver.url("/")));
  house.outbox.refuse_reads = 2;
  const auto service = house.service();
  REQUIRE(service->start().ok());
  CHECK(house.outbox.ended(1) == DeliveryStatus::delivered);
  service->stop();
}

TEST_CASE("webhook service: of much that is owed to one endpoint, what comes next is read together") {
  House house;
  for (int key = 1; key <= 200; ++key) static_cast<void>(house.outbox.put(key, house.receiver.url("/")));
  const auto service = house.service();
  REQUIRE(service->start().ok());
  for (int key = 1; key <= 200; ++key) CHECK(house.outbox.ended(key) == DeliveryStatus::delivered);
  service->stop();
  CHECK(house.receiver.requests == 200);
  CHECK(house.outbox.contents_read <= 10);  // one by one, or as they come to be sent: 25 times at least
}

TEST_CASE("webhook service: a key that is used again is told of together with the end of the one before") {
  House house;
  const auto service = house.service();
  bool again = true;
  house.outbox.after_record = [&] {
    if (!std::exchange(again, false)) return;
    const auto second = house.outbox.put(1, house.receiver.url("/second"));
    service->on_deliveries(std::span(&second, 1));
  };
  static_cast<void>(house.outbox.put(1, house.receiver.url("/")));
  REQUIRE(service->start().ok());
  for (tests::Patience left("both deliveries"); house.outbox.records_asked < 2;) left.yield();
  CHECK(house.outbox.ended(1) == DeliveryStatus::delivered);
  service->stop();
  CHECK(house.receiver.requests == 2);
}

TEST_CASE("webhook service: an answer without end is cut off, and counts by its status") {
  House house;
  static_cast<void>(house.outbox.put(1, house.receiver.url("/big")));
  const auto service = house.service();
  REQUIRE(service->start().ok());
  CHECK(house.outbox.ended(1) == DeliveryStatus::delivered);
  CHECK(house.outbox.last_attempt(1).response_body == std::string(4'096, 'x'));
  CHECK(house.outbox.last_attempt(1).response_status == 200);
  service->stop();
}

TEST_CASE("webhook service: it stops while it sends, and does not start without a secret") {
  House house;
  for (int key = 1; key <= 100; ++key) static_cast<void>(house.outbox.put(key, house.receiver.url("/")));
  for (int life = 0; life < 5; ++life) {
    const auto service = house.service();
    REQUIRE(service->start().ok());
    service->stop();
  }
  house.outbox.secret = "not a secret";
  const auto service = house.service();
  const auto started = service->start();
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().message.find("not a secret") == std::string::npos);
}
