#include "worker/webhooks/delivery_loop.h"

#include <algorithm>
#include <cassert>
#include <random>
#include <utility>

#include "api/web_url.h"
#include "base/log.h"
#include "base/start_thread.h"
#include "worker/webhooks/delivery_outcome.h"
#include "worker/webhooks/request_headers.h"

namespace longhaul::worker::webhooks {
namespace {

constexpr std::size_t page_length = 1'000;
// What requests under way get at a stop; a receiver that needs longer gets its delivery again.
constexpr base::Milliseconds stop_patience{2'000};

std::function<std::uint64_t()> machine_random() {
  return [engine = std::mt19937_64(std::random_device{}())]() mutable { return engine(); };
}

// The part of a URL that may be logged.
std::string origin_of(const std::string& url) {
  const auto read = api::read_web_url(url);
  return read ? api::origin_of(read.value()) : std::string("unreadable");
}

}  // namespace

std::unique_ptr<DeliveryService> make_delivery_service(DeliveryOptions options) {
  return std::make_unique<DeliveryLoop>(std::move(options));
}

DeliveryLoop::DeliveryLoop(DeliveryOptions options)
    : options_(std::move(options)),
      transfers_({options_.guard, options_.timeout, options_.ca_file, "longhaul/" LONGHAUL_VERSION}),
      inbox_(std::make_shared<DeliveryInbox>([this] { transfers_.ring(); })),
      queue_(options_.limits) {
  assert(options_.outbox != nullptr && options_.clock != nullptr && options_.guard != nullptr);
  if (!options_.random) options_.random = machine_random();
}

DeliveryLoop::~DeliveryLoop() {
  if (thread_.joinable()) stop();
  inbox_->close();
}

base::Result<void> DeliveryLoop::start() {
  const std::string& secret = options_.secret.empty() ? options_.outbox->callback_secret() : options_.secret;
  auto key = SigningKey::parse(secret);
  if (!key) return base::fail("the secret that signs callbacks " + key.error().message);
  key_ = std::move(*key);
  if (auto opened = transfers_.open(); !opened) return opened;
  auto thread = base::start_thread("webhooks", [this] { run(); });
  if (!thread) return base::fail(thread.error().message);
  thread_ = std::move(*thread);
  return {};
}

void DeliveryLoop::stop() {
  inbox_->push_stop();
  thread_.join();
  inbox_->close();
}

void DeliveryLoop::run() {
  while (!is_done()) {
    auto content = inbox_->take();
    if (content.empty()) {
      transfers_.wait(next_moment());
      content = inbox_->take();
    }
    take_in(std::move(content));
    turn();
  }
  transfers_.drop_all();
}

void DeliveryLoop::turn() {
  for (TransferEnd& ended : transfers_.advance()) end(std::move(ended));
  if (pause_.take_end(options_.clock->boot())) post_owed_reports();
  if (may_go_on()) read_a_page();
  if (may_go_on()) begin_due();
}

bool DeliveryLoop::is_done() const {
  if (!stopping_) return false;
  return (transfers_.empty() && reports_.empty()) || options_.clock->boot() >= stop_deadline_;
}

// The next moment at which a turn has something to do by itself.
std::optional<base::BootTime> DeliveryLoop::next_moment() const {
  std::optional<base::BootTime> next = pause_.until();
  const auto no_later_than = [&next](base::BootTime at) { next = next ? std::min(*next, at) : at; };
  if (stopping_) no_later_than(stop_deadline_);
  if (!may_go_on()) return next;
  // The boot clock is read after the steady one, so this may be a little late but never early.
  const base::SteadyTime steady = options_.outbox->now().steady;
  const base::BootTime boot = options_.clock->boot();
  for (const auto due : {queue_.next_due(), queue_.next_reading()}) {
    if (due) no_later_than(*due <= steady ? boot : boot + (*due - steady));
  }
  return next;
}

// ---- 1. what came in

void DeliveryLoop::take_in(DeliveryInbox::Content content) {
  if (content.stop) {
    stopping_ = true;
    stop_deadline_ = options_.clock->boot() + stop_patience;
  }
  if (content.missed_some) queue_.read_all_again();
  // First what is over: its key may be that of a new delivery, when the newest of the outbox was removed.
  for (Recorded& recorded : content.recorded) handle(recorded);
  for (const storage::OwedDelivery& delivery : content.owed) queue_.add(delivery);
}

void DeliveryLoop::handle(Recorded& recorded) {
  if (!recorded.outcome) {
    pause_.failed(options_.clock->boot(), recorded.outcome.error());
    owed_reports_.push_back(recorded.key);
    refused_ = true;
    return;
  }
  refused_ = false;
  pause_.worked();
  const auto found = reports_.find(recorded.key);
  const storage::DeliveryReport& report = found->second;
  // Not applied: somebody else has ended it.
  if (*recorded.outcome && report.status == api::DeliveryStatus::pending) {
    queue_.put_off(recorded.key,
                   options_.outbox->now().steady + report.backoff.value_or(base::Milliseconds(0)));
  } else {
    queue_.settle(recorded.key);
  }
  reports_.erase(found);
}

// ---- 2. and 3.

void DeliveryLoop::read_a_page() {
  const auto wanted = queue_.next_reading();
  const base::SteadyTime now = options_.outbox->now().steady;
  if (!wanted || *wanted > now) return;
  const auto page = options_.outbox->owed_deliveries(queue_.read_up_to(), page_length);
  if (!page) return pause_.failed(options_.clock->boot(), page.error());
  queue_.read(*page, page->size() < page_length, now);
}

void DeliveryLoop::begin_due() {
  const base::SteadyTime now = options_.outbox->now().steady;
  while (const auto key = queue_.take(now)) {
    if (begin(*key)) continue;
    queue_.put_off(*key, now);
    break;
  }
}

bool DeliveryLoop::begin(api::DeliveryKey key) {
  auto found = options_.outbox->find_delivery(key);
  if (!found) {
    pause_.failed(options_.clock->boot(), found.error());
    return false;
  }
  if (!found->has_value()) {
    queue_.settle(key);
    return true;
  }
  storage::DeliveryContent& content = **found;
  const base::WallTime now = options_.clock->wall();
  auto headers = request_headers(content, *key_, now, options_.random());
  sending_.emplace(
      key, Sending{content.id, origin_of(content.url), content.attempts + 1, now, options_.clock->boot()});
  transfers_.begin({key, std::move(content.url), std::move(content.body), std::move(headers)});
  return true;
}

// ---- 4. what has ended

void DeliveryLoop::end(TransferEnd ended) {
  const auto found = sending_.find(ended.key);
  const Sending sending = found->second;
  sending_.erase(found);
  const DeliveryOutcome outcome = outcome_of(ended, options_.retries, sending.attempt, options_.random());
  if (outcome.status == api::DeliveryStatus::exhausted) {
    base::log_warning("a delivery is given up", {{"delivery_id", sending.id.get().text()},
                                                 {"attempts", sending.attempt},
                                                 {"origin", sending.origin},
                                                 {"error", outcome.error}});
  }
  storage::DeliveryReport report;
  report.key = ended.key;
  report.attempt.started_at = sending.started_at;
  report.attempt.duration =
      std::chrono::duration_cast<base::Milliseconds>(options_.clock->boot() - sending.began);
  report.attempt.remote_address = std::move(ended.remote_address);
  report.attempt.response_status = ended.status;
  report.attempt.error = outcome.error;
  report.attempt.response_body = std::move(ended.answer);
  report.status = outcome.status;
  report.backoff = outcome.backoff;
  post_report(reports_.emplace(ended.key, std::move(report)).first->second);
}

void DeliveryLoop::post_report(const storage::DeliveryReport& report) {
  options_.outbox->record_delivery(report,
                                   [inbox = inbox_, key = report.key](storage::StoreResult<bool> outcome) {
                                     inbox->push(Recorded{key, std::move(outcome)});
                                   });
}

void DeliveryLoop::post_owed_reports() {
  for (const api::DeliveryKey key : std::exchange(owed_reports_, {})) post_report(reports_.at(key));
}

}  // namespace longhaul::worker::webhooks
