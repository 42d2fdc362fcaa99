#include "storage/sqlite/writer.h"

#include <sqlite3.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/start_thread.h"

namespace longhaul::storage {
namespace {

void refuse_all(std::span<const std::unique_ptr<WriteRequest>> requests, const StoreError& error) {
  for (const auto& request : requests) request->refuse(error);
}

// Where starts are written there is space.
bool has_start(std::span<const std::unique_ptr<WriteRequest>> requests) {
  return std::ranges::any_of(requests, [](const auto& request) { return request->is_start(); });
}

StoreError store_error(const SqlError& error) {
  if (error.is_full()) {
    return {StoreFault::storage_full,
            std::string("there is no space left for the database: ") + error.what()};
  }
  return {StoreFault::unavailable, error.what()};
}

const StoreError dead_error{StoreFault::unavailable,
                            "the database cannot be used any more; the server must be restarted"};

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, const SqlLibrary& library, Parts parts)
    : connection_(std::move(connection)),
      statements_(std::make_unique<Statements>(*connection_, library)),
      parts_(std::move(parts)),
      transaction_(*statements_, *parts_.recent, *parts_.max_cache_bytes),
      checkpointer_(*connection_, parts_.checkpoint_pages) {}

base::Result<void> Writer::start() {
  parts_.queue->open();
  auto thread = base::start_thread("store-writer", [this] { run(); });
  if (!thread) {
    parts_.queue->close();
    return base::fail(thread.error().message);
  }
  thread_ = std::move(*thread);
  return {};
}

void Writer::stop() {
  parts_.queue->close();
  if (thread_.joinable()) thread_.join();
  if (connection_) close();
}

void Writer::run() {
  Batch batch;
  while (parts_.queue->take(batch)) {
    if (batch.empty()) continue;
    if (dead_) {
      refuse_all(batch, dead_error);
      continue;
    }
    refuse_starts_without_room(batch);
    if (!batch.empty()) write(batch);
    const bool wanted = std::ranges::any_of(batch, [](const auto& one) { return one->wants_checkpoint(); });
    checkpoint(wanted ? &Checkpointer::run : &Checkpointer::run_if_due);
    shorten_log();
  }
  parts_.readers->let_in();
}

void Writer::refuse_starts_without_room(Batch& batch) {
  if (!has_start(batch)) return;
  if (parts_.free_bytes() >= parts_.min_free_bytes) {
    if (std::exchange(refuses_starts_, false))
      base::log_info("there is space on the disk again: starts are taken");
    return;
  }
  if (!std::exchange(refuses_starts_, true)) {
    base::log_warning("the disk is nearly full: starts are refused until there is space",
                      {{"min_free_mb", parts_.min_free_bytes >> 20}});
  }
  const StoreError error{StoreFault::storage_full, "less than " +
                                                       std::to_string(parts_.min_free_bytes >> 20) +
                                                       " MiB are free on the disk of the database"};
  std::erase_if(batch, [&](const auto& request) {
    if (!request->is_start()) return false;
    request->refuse(error);
    return true;
  });
}

void Writer::write(Requests requests) {
  const auto failure = try_transaction(requests);
  if (!failure) {
    publish(requests);
    if (has_start(requests)) parts_.queue->mark_cut_logs();
  } else if (failure->is_fatal) {
    die(failure->error.message);
    refuse_all(requests, dead_error);
  } else if (failure->is_busy) {
    base::log_error("another program keeps the database locked", {{"error", failure->error.message}});
    refuse_all(requests, failure->error);
  } else {
    write_one_by_one(requests, *failure);
  }
}

void Writer::write_one_by_one(Requests requests, const Failure& together) {
  // An emptied log is space: the file keeps its length and is written from the beginning again.
  if (together.is_full()) checkpoint(&Checkpointer::run);
  std::optional<StoreError> no_space;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    WriteRequest& request = *requests[i];
    if (dead_) {
      request.refuse(dead_error);
      continue;
    }
    if (no_space && request.is_start()) {
      request.refuse(*no_space);
      continue;
    }
    const auto failure = try_transaction(requests.subspan(i, 1));
    if (!failure) {
      publish(requests.subspan(i, 1));
      continue;
    }
    if (failure->is_fatal) die(failure->error.message);
    if (failure->is_full()) {
      no_space = failure->error;
    } else {
      base::log_error("a change could not be written", {{"error", failure->error.message}});
    }
    request.refuse(failure->error);
  }
}

std::optional<Writer::Failure> Writer::try_transaction(Requests requests) {
  try {
    statements_->use("begin").bind().run();
    transaction_.begin(parts_.now());
    for (const auto& request : requests) {
      request->apply(transaction_);
      // Some errors roll the whole transaction back, and what follows would then be committed each by itself.
      if (connection_->autocommit())
        throw SqlError(SQLITE_ABORT, "the transaction was rolled back by SQLite");
    }
    commit(requests);
    return std::nullopt;
  } catch (const SqlError& error) {
    return roll_back({store_error(error), error.is_fatal(), error.primary() == SQLITE_BUSY});
  } catch (const std::exception& error) {
    return roll_back({{StoreFault::unavailable, error.what()}, false, false});
  }
}

void Writer::commit(Requests requests) {
  const base::BootTime began = parts_.clock->boot();
  statements_->use("commit").bind().run();
  parts_.meters->commits.record(parts_.clock->boot() - began);
  parts_.meters->committed_requests.add(requests.size());
}

std::optional<Writer::Failure> Writer::roll_back(Failure failure) {
  parts_.meters->failed_commits.add(1);
  if (connection_->autocommit()) return failure;
  try {
    connection_->execute("ROLLBACK");
  } catch (const SqlError& error) {
    failure.is_fatal = true;
    failure.error.message += std::string("; and it could not be rolled back: ") + error.what();
  }
  return failure;
}

void Writer::count_published() {
  if (const std::int64_t owed = transaction_.owed_change(); owed != 0)
    parts_.meters->owed_deliveries.add(owed);
  for (const RemovedTask& task : transaction_.removed()) {
    const auto* const place = std::find(final_states.begin(), final_states.end(), task.state);
    if (place != final_states.end()) {
      parts_.meters->removed[static_cast<std::size_t>(place - final_states.begin())].add(1);
    }
  }
}

void Writer::publish(Requests requests) {
  count_published();
  const std::span<const TaskChange> changes = transaction_.changes();
  parts_.counts->apply(changes);
  parts_.recent->put(transaction_.latest());
  for (const RemovedTask& task : transaction_.removed()) {
    parts_.counts->add(task.queue, task.state, -1);
    parts_.recent->forget(task.key);
  }
  if (!changes.empty()) {
    for (StoreObserver* observer : observers_) observer->on_committed(changes);
  }
  if (transaction_.webhooks().changed()) {
    for (StoreObserver* observer : observers_) observer->on_webhooks_changed();
  }
  if (const auto deliveries = transaction_.deliveries(); !deliveries.empty()) {
    for (StoreObserver* observer : observers_) observer->on_deliveries(deliveries);
  }
  if (const auto moved = transaction_.moved(); !moved.empty()) {
    for (StoreObserver* observer : observers_) observer->on_endpoints_moved(moved);
  }
  if (const auto tried = transaction_.tried(); !tried.empty()) {
    for (StoreObserver* observer : observers_) observer->on_deliveries_tried(tried);
  }
  if (const auto noted = transaction_.noted(); !noted.empty()) {
    for (StoreObserver* observer : observers_) observer->on_noted(noted);
  }
  if (const auto first_expiry = transaction_.cached().first_expiry()) {
    for (StoreObserver* observer : observers_) observer->on_results_kept(*first_expiry);
  }
  for (const auto& request : requests) request->answer();
}

void Writer::checkpoint(bool (Checkpointer::*how)()) {
  if (dead_) return;
  try {
    if ((checkpointer_.*how)()) checkpoint_failed_ = false;
  } catch (const SqlError& error) {
    if (error.is_fatal()) {
      die(error.what());
    } else if (!std::exchange(checkpoint_failed_, true)) {
      // A full disk: the log stays as long as it is.
      base::log_warning("the write-ahead log could not be shortened", {{"error", error.what()}});
    }
  }
}

// Readers that overlap without end would keep the log from ever being begun anew. New ones wait then, for as
// long as the ones under way take; the writer goes on meanwhile, unless it has nothing else to do.
void Writer::shorten_log() {
  if (dead_) return;
  if (!checkpointer_.is_too_long()) {
    parts_.readers->let_in();
    return;
  }
  if (!parts_.readers->hold_back(parts_.queue->is_empty())) return;
  checkpoint(&Checkpointer::run);
  parts_.readers->let_in();
}

void Writer::die(const std::string& why) {
  if (dead_) return;
  dead_ = true;
  parts_.queue->close();
  parts_.readers->let_in();
  // Whatever the file is now, it is not for us to write to it again.
  sqlite3_db_config(connection_->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  parts_.on_fatal("the database cannot be trusted any more: " + why);
}

void Writer::close() {
  checkpoint(&Checkpointer::finish);
  statements_.reset();
  connection_.reset();
}

}  // namespace longhaul::storage
