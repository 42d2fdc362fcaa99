#include "worker/webhooks/delivery_loop.h"

#include <algorithm>
#include <cassert>
#include <random>
#include <utility>

#include "api/limits.h"
#include "api/web_url.h"
#include "base/log.h"
#include "base/start_thread.h"
#include "worker/webhooks/delivery_outcome.h"
#include "worker/webhooks/request_headers.h"

namespace longhaul::worker::webhooks {
namespace {

constexpr std::size_t page_length = 1'000;
// Begun together.
constexpr std::size_t begun_at_once = 16;
// Read with them at most, of what waits behind each; and behind all of them, so that a reading stays short.
constexpr std::size_t read_ahead_of_one = 32;
constexpr std::size_t read_ahead_of_all = 64;
// Written down together, in one transaction, and how long the first of them waits for others.
constexpr std::size_t reported_at_once = 512;
constexpr base::Milliseconds report_wait{20};
// Prepared keys of webhooks, old ones among them.
constexpr std::size_t webhook_keys_max = 2 * api::limits::webhooks;
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

DueQueue::Limits limits_of(const DeliveryOptions& options) {
  DueQueue::Limits limits = options.limits;
  limits.longest_hold = options.disable_after;
  limits.circuit = circuit_limits(options.retries);
  return limits;
}

Transfers::Options transfer_options(const DeliveryOptions& options) {
  Transfers::Options transfers;
  transfers.guard = options.guard;
  transfers.timeout = options.timeout;
  transfers.ca_file = options.ca_file;
  transfers.user_agent = "longhaul/" LONGHAUL_VERSION;
  transfers.most_connections = options.limits.under_way;
  return transfers;
}

// Why a delivery is not sent, whatever the endpoint would say.
std::optional<api::ExhaustedCause> cause_not_to_send(storage::Addressee addressee, bool held_too_long) {
  switch (addressee) {
    case storage::Addressee::disabled_webhook: return api::ExhaustedCause::webhook_disabled;
    case storage::Addressee::removed_webhook: return api::ExhaustedCause::webhook_removed;
    case storage::Addressee::callback:
    case storage::Addressee::webhook: break;
  }
  if (held_too_long) return api::ExhaustedCause::circuit_open;
  return std::nullopt;
}

}  // namespace

std::unique_ptr<DeliveryService> make_delivery_service(DeliveryOptions options) {
  return std::make_unique<DeliveryLoop>(std::move(options));
}

DeliveryLoop::DeliveryLoop(DeliveryOptions options)
    : options_(std::move(options)),
      transfers_(transfer_options(options_)),
      inbox_(std::make_shared<DeliveryInbox>([this] { transfers_.ring(); })),
      queue_(limits_of(options_)) {
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
  // All that has ended before anything begins: what begins together is read together, and sent together.
  for (auto ended = transfers_.advance(); !ended.empty(); ended = transfers_.advance()) {
    for (TransferEnd& one : ended) end(std::move(one));
  }
  if (pause_.take_end(options_.clock->boot())) post_owed_reports();
  if (may_go_on()) read_a_page();
  if (may_go_on()) begin_due();
  if (reports_are_due()) post_reports(std::exchange(new_reports_, {}));
  if (transfers_.empty()) shelf_.clear();
  tell_of_circuits();
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
  if (!new_reports_.empty()) no_later_than(first_new_report_ + report_wait);
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
  if (content.missed_some) {
    shelf_.clear();
    queue_.read_all_again();
  }
  // First what is over, for it may be owed again by what came behind that.
  for (Recorded& recorded : content.recorded) handle(recorded);
  for (const storage::OwedDelivery& delivery : content.owed) {
    shelf_.forget(delivery.key);  // it may be owed anew
    queue_.add(delivery);
  }
  for (const storage::MovedEndpoint& moved : content.moved) queue_.move(moved);
}

void DeliveryLoop::handle(Recorded& recorded) {
  if (!recorded.outcome) {
    pause_.failed(options_.clock->boot(), recorded.outcome.error());
    owed_reports_.insert(owed_reports_.end(), recorded.keys.begin(), recorded.keys.end());
    refused_ = true;
    return;
  }
  refused_ = false;
  pause_.worked();
  for (std::size_t i = 0; i < recorded.keys.size(); ++i)
    handle(recorded.keys[i], recorded.outcome.value()[i]);
}

void DeliveryLoop::handle(api::DeliveryKey key, const std::optional<storage::DeliveryStanding>& standing) {
  const auto found = reports_.find(key);
  // Nothing: somebody else has ended it.
  if (standing && standing->due) {
    queue_.put_off(key, *standing->due);
  } else {
    queue_.settle(key);
  }
  if (standing && standing->has_disabled) {
    base::log_warning("a webhook is disabled", {{"webhook_id", standing->has_disabled->id.get().text()},
                                                {"cause", api::to_text(standing->has_disabled->cause)},
                                                {"origin", origin_of(found->second.url)}});
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
  for (;;) {
    std::vector<Turn> turns;
    while (turns.size() < begun_at_once) {
      const auto turn = queue_.take(now);
      if (!turn) break;
      turns.push_back(*turn);
    }
    if (turns.empty() || !begin(turns, now)) return;
  }
}

bool DeliveryLoop::begin(const std::vector<Turn>& turns, base::SteadyTime now) {
  const ContentShelf::Moment moment{options_.clock->boot(), webhook_changes_};
  std::vector<Turn> others;
  for (const Turn& turn : turns) {
    if (auto content = shelf_.take(turn.key, moment)) {
      begin(turn, std::move(content));
    } else {
      others.push_back(turn);
    }
  }
  return others.empty() || read_and_begin(others, now);
}

// Reads those whose turn it is, and what comes behind them.
bool DeliveryLoop::read_and_begin(const std::vector<Turn>& turns, base::SteadyTime now) {
  const ContentShelf::Moment moment{options_.clock->boot(), webhook_changes_};
  std::vector<api::DeliveryKey> keys;
  keys.reserve(turns.size());
  for (const Turn& turn : turns) keys.push_back(turn.key);
  const auto behind =
      queue_.next_behind(keys, now, read_ahead_of_one, std::min(read_ahead_of_all, shelf_.room(moment)));
  keys.insert(keys.end(), behind.begin(), behind.end());
  auto found = options_.outbox->find_deliveries(keys);
  if (!found) {
    pause_.failed(options_.clock->boot(), found.error());
    for (const Turn& turn : turns) queue_.put_off(turn.key, now);
    return false;
  }
  auto content = found.value().begin();
  for (const Turn& turn : turns) begin(turn, std::move(*content++));
  for (const api::DeliveryKey key : behind) {
    if (auto& one = *content++) shelf_.put(key, *std::move(one), moment);
  }
  return true;
}

void DeliveryLoop::begin(const Turn& turn, std::optional<storage::DeliveryContent> content) {
  if (!content) return queue_.settle(turn.key);
  if (const auto cause = cause_not_to_send(content->addressee, turn.give_up))
    return give_up(turn.key, *content, *cause);
  send(turn.key, *std::move(content));
}

std::vector<SigningKey*> DeliveryLoop::keys_of(const storage::DeliveryContent& content) {
  if (content.addressee == storage::Addressee::callback) return {&*key_};
  if (webhook_keys_.size() > webhook_keys_max) webhook_keys_.clear();
  std::vector<SigningKey*> keys;
  for (const std::string& secret : content.secrets) {
    auto known = webhook_keys_.find(secret);
    if (known == webhook_keys_.end()) {
      auto key = SigningKey::parse(secret);
      if (!key) continue;
      known = webhook_keys_.emplace(secret, std::move(*key)).first;
    }
    keys.push_back(&known->second);
  }
  return keys;
}

void DeliveryLoop::send(api::DeliveryKey key, storage::DeliveryContent content) {
  const base::WallTime now = options_.clock->wall();
  const std::vector<SigningKey*> keys = keys_of(content);
  if (keys.empty()) {
    // A damaged database: nothing goes out unsigned.
    base::log_error("a webhook has no secret that signs", {{"delivery_id", content.id.get().text()}});
    return queue_.put_off(key, options_.outbox->now().steady + longest_circuit_wait);
  }
  auto headers = request_headers(content, keys, now, options_.random());
  sending_.emplace(key, Sending{content.id, content.url, content.addressee, content.attempts + 1,
                                content.round, content.generation, now, options_.clock->boot()});
  transfers_.begin({key, std::move(content.url), std::move(content.body), std::move(headers)});
}

void DeliveryLoop::give_up(api::DeliveryKey key, const storage::DeliveryContent& content,
                           api::ExhaustedCause cause) {
  queue_.release(key);
  Report report;
  report.url = content.url;
  report.content.key = key;
  report.content.status = api::DeliveryStatus::exhausted;
  report.content.exhausted = cause;
  report.content.round = content.round;
  report.content.generation = content.generation;
  note(std::move(report));
}

// ---- 4. what has ended

void DeliveryLoop::end(TransferEnd ended) {
  const auto found = sending_.find(ended.key);
  const Sending sending = found->second;
  sending_.erase(found);
  const DeliveryOutcome outcome =
      outcome_of(ended, options_.retries, sending.attempt, sending.addressee, options_.random());
  queue_.judge(ended.key, outcome.sign, options_.outbox->now().steady, options_.random());
  queue_.release(ended.key);
  if (outcome.status == api::DeliveryStatus::exhausted) {
    base::log_warning("a delivery is given up", {{"delivery_id", sending.id.get().text()},
                                                 {"attempts", sending.attempt},
                                                 {"origin", origin_of(sending.url)},
                                                 {"error", outcome.error}});
  }
  api::DeliveryAttempt attempt;
  attempt.started_at = sending.started_at;
  attempt.duration = std::chrono::duration_cast<base::Milliseconds>(options_.clock->boot() - sending.began);
  attempt.remote_address = std::move(ended.remote_address);
  attempt.response_status = ended.status;
  attempt.error = outcome.error;
  attempt.response_body = std::move(ended.answer);
  Report report;
  report.url = sending.url;
  report.content.key = ended.key;
  report.content.attempt = std::move(attempt);
  report.content.status = outcome.status;
  report.content.backoff = outcome.backoff;
  report.content.exhausted = outcome.exhausted;
  report.content.round = sending.round;
  report.content.generation = sending.generation;
  report.content.webhook_is_gone = outcome.exhausted == api::ExhaustedCause::gone;
  note(std::move(report));
}

void DeliveryLoop::note(Report report) {
  report.content.disable_after = options_.disable_after;
  const api::DeliveryKey key = report.content.key;
  reports_.emplace(key, std::move(report));
  if (new_reports_.empty()) first_new_report_ = options_.clock->boot();
  new_reports_.push_back(key);
}

bool DeliveryLoop::reports_are_due() const {
  if (new_reports_.empty()) return false;
  return stopping_ || transfers_.empty() || new_reports_.size() >= reported_at_once ||
         options_.clock->boot() >= first_new_report_ + report_wait;
}

void DeliveryLoop::post_reports(std::vector<api::DeliveryKey> keys) {
  std::vector<storage::DeliveryReport> contents;
  contents.reserve(keys.size());
  for (const api::DeliveryKey key : keys) contents.push_back(reports_.at(key).content);
  options_.outbox->record_deliveries(
      std::move(contents),
      [inbox = inbox_, keys = std::move(keys)](
          storage::StoreResult<std::vector<std::optional<storage::DeliveryStanding>>> outcome) {
        inbox->push(Recorded{keys, std::move(outcome)});
      });
}

// Each by itself: what cannot be written does not keep the others from it.
void DeliveryLoop::post_owed_reports() {
  for (const api::DeliveryKey key : std::exchange(owed_reports_, {})) post_reports({key});
}

void DeliveryLoop::tell_of_circuits() {
  for (const CircuitNews& news : queue_.take_news()) {
    if (news.open_until) {
      base::log_debug("a circuit is open", {{"endpoint", news.endpoint}});
    } else {
      base::log_debug("a circuit is closed", {{"endpoint", news.endpoint}});
    }
    if (options_.circuits == nullptr) continue;
    if (news.open_until) {
      const storage::Now now = options_.outbox->now();
      options_.circuits->open(news.endpoint, {now.wall, now.wall + (*news.open_until - now.steady)});
    } else {
      options_.circuits->close(news.endpoint);
    }
  }
}

}  // namespace longhaul::worker::webhooks
