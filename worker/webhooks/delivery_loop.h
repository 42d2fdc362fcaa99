// The delivery service's one thread. Each turn of it
//   1. takes in what came: deliveries that are owed, answers of the store, requests that have ended;
//   2. reads from the outbox what memory had no room for;
//   3. begins what is due;
//   4. writes down what has ended, several together: while others are under way that may wait a moment.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "worker/store_pause.h"
#include "worker/webhooks/content_shelf.h"
#include "worker/webhooks/delivery_inbox.h"
#include "worker/webhooks/delivery_service.h"
#include "worker/webhooks/signature.h"
#include "worker/webhooks/transfers.h"

namespace longhaul::worker::webhooks {

class DeliveryLoop final : public DeliveryService {
 public:
  explicit DeliveryLoop(DeliveryOptions options);
  ~DeliveryLoop() override;

  [[nodiscard]] std::string_view name() const override { return "webhooks"; }
  [[nodiscard]] base::Result<void> start() override;
  void stop() override;

  void on_committed(std::span<const storage::TaskChange>) override {}
  void on_deliveries(std::span<const storage::OwedDelivery> deliveries) override { inbox_->push(deliveries); }
  void on_endpoints_moved(std::span<const storage::MovedEndpoint> moved) override { inbox_->push(moved); }
  void on_webhooks_changed() override { ++webhook_changes_; }

 private:
  // An attempt that is being made.
  struct Sending {
    api::DeliveryId id;
    std::string url;
    storage::Addressee addressee = storage::Addressee::callback;
    int attempt = 1;  // of this round
    int round = 0;
    std::int64_t generation = 0;
    base::WallTime started_at;
    base::BootTime began;
  };

  // What is to be written down of a delivery.
  struct Report {
    storage::DeliveryReport content;
    std::string url;  // of which the log tells the origin
  };

  void run();
  void turn();
  [[nodiscard]] bool is_done() const;
  [[nodiscard]] std::optional<base::BootTime> next_moment() const;

  void take_in(DeliveryInbox::Content content);
  void handle(Recorded& recorded);
  void handle(api::DeliveryKey key, const std::optional<storage::DeliveryStanding>& standing);
  void read_a_page();
  void begin_due();
  // False when the store could not be read; then those that had to be read have not begun.
  [[nodiscard]] bool begin(const std::vector<Turn>& turns, base::SteadyTime now);
  void begin(const Turn& turn, std::optional<storage::DeliveryContent> content);
  [[nodiscard]] bool read_and_begin(const std::vector<Turn>& turns, base::SteadyTime now);
  void send(api::DeliveryKey key, storage::DeliveryContent content);
  [[nodiscard]] std::vector<SigningKey*> keys_of(const storage::DeliveryContent& content);
  void give_up(api::DeliveryKey key, const storage::DeliveryContent& content, api::ExhaustedCause cause);
  void end(TransferEnd ended);
  void note(Report report);
  void tell_of_circuits();
  // Whether reports have waited long enough for others.
  [[nodiscard]] bool reports_are_due() const;
  void post_reports(std::vector<api::DeliveryKey> keys);
  void post_owed_reports();
  [[nodiscard]] bool may_go_on() const { return !stopping_ && !refused_ && !pause_.active(); }

  DeliveryOptions options_;
  std::optional<SigningKey> key_;  // of callbacks
  Transfers transfers_;
  std::atomic<std::uint64_t> webhook_changes_ = 0;  // counted before anybody is told of one
  const std::shared_ptr<DeliveryInbox> inbox_;  // shared with callbacks that the store still holds when we go
  std::thread thread_;

  // Of the thread alone.
  std::unordered_map<std::string, SigningKey> webhook_keys_;  // by secret, made when they are needed
  DueQueue queue_;
  ContentShelf shelf_{{}};
  StorePause pause_;
  std::unordered_map<api::DeliveryKey, Sending> sending_;
  std::unordered_map<api::DeliveryKey, Report> reports_;  // until they are committed
  std::vector<api::DeliveryKey> new_reports_;             // of these, what the store was not given yet
  base::BootTime first_new_report_{};                     // since when
  std::vector<api::DeliveryKey> owed_reports_;            // what it refused
  bool refused_ = false;  // the last report: nothing more is sent until one is taken
  bool stopping_ = false;
  base::BootTime stop_deadline_{};
};

}  // namespace longhaul::worker::webhooks
