#include "storage/sqlite/write_queue.h"

#include <algorithm>
#include <utility>

namespace longhaul::storage {
namespace {

// What a waiting line takes besides its text.
constexpr std::size_t line_overhead_bytes = 96;

}  // namespace

void WriteQueue::open() {
  const base::MutexLock lock(mutex_);
  open_ = true;
}

void WriteQueue::close() {
  const base::MutexLock lock(mutex_);
  open_ = false;
  let_progress_in(pace_.end_rests(ProgressPace::Clock::time_point::max()));
  wake_.notify_all();
}

std::optional<StoreError> WriteQueue::why_not(Lane lane, std::size_t bytes) const {
  if (!open_) return StoreError{StoreFault::unavailable, "the store is not running"};
  const Waiting& in_lane = lanes_[static_cast<std::size_t>(lane)];
  if (lane == Lane::control && in_lane.requests.size() >= limits_.waiting_control) {
    return StoreError{StoreFault::lane_full,
                      std::to_string(limits_.waiting_control) + " cancels and retries wait already"};
  }
  if (lane != Lane::starts) return std::nullopt;
  if (in_lane.requests.size() >= limits_.waiting_starts) {
    return StoreError{StoreFault::lane_full, std::to_string(limits_.waiting_starts) + " starts wait already"};
  }
  if (!in_lane.requests.empty() && in_lane.bytes + bytes > limits_.waiting_start_bytes) {
    return StoreError{StoreFault::lane_full,
                      "the starts that wait hold " + std::to_string(in_lane.bytes) + " bytes already"};
  }
  return std::nullopt;
}

void WriteQueue::push(Lane lane, std::unique_ptr<WriteRequest> request) {
  if (const auto refusal = try_push(lane, request)) request->refuse(*refusal);
}

std::optional<StoreError> WriteQueue::try_push(Lane lane, std::unique_ptr<WriteRequest>& request) {
  const std::size_t bytes = request->bytes();
  bool wake = false;
  {
    const base::MutexLock lock(mutex_);
    if (auto refusal = why_not(lane, bytes)) return refusal;
    waiting(lane).requests.push_back(std::move(request));
    waiting(lane).bytes += bytes;
    wake = std::exchange(sleep_, Sleep::awake) != Sleep::awake;
  }
  if (wake) wake_.notify_one();
  return std::nullopt;
}

Notes& WriteQueue::notes_of(TaskKey key, AttemptToken token) {
  const auto [found, is_new] = notes_.try_emplace(key);
  Notes& notes = found->second;
  if (is_new) {
    notes.key = key;
    notes_order_.push_back(key);
  }
  notes.token = std::max(notes.token, token);
  return notes;
}

void WriteQueue::add_log(TaskKey key, AttemptToken token, std::vector<api::LogLine> lines,
                         std::size_t max_bytes) {
  const base::MutexLock lock(mutex_);
  if (!open_) return;
  Notes& notes = notes_of(key, token);
  notes.max_bytes = max_bytes;
  for (api::LogLine& line : lines) {
    const std::size_t bytes = log_bytes_of(line);
    if (notes.truncated || notes.bytes + bytes > max_bytes ||
        note_bytes_ + bytes + line_overhead_bytes > limits_.note_bytes) {
      notes.truncated = true;  // what follows is dropped too: a log with holes would read as whole
      break;
    }
    notes.bytes += bytes;
    note_bytes_ += bytes + line_overhead_bytes;
    notes.lines.push_back(std::move(line));
  }
  wake_for_notes();
}

void WriteQueue::add_progress(TaskKey key, AttemptToken token, api::Progress progress) {
  const base::MutexLock lock(mutex_);
  if (!open_ || pace_.hold(key, token, progress)) return;
  notes_of(key, token).progress = std::move(progress);
  wake_for_notes();
}

void WriteQueue::let_progress_in(std::vector<ProgressPace::Held> held) {
  for (ProgressPace::Held& one : held) notes_of(one.key, one.token).progress = std::move(one.progress);
}

// While it waits for company it will come by itself.
void WriteQueue::wake_for_notes() {
  if (sleep_ != Sleep::for_anything) return;
  sleep_ = Sleep::awake;
  wake_.notify_one();
}

bool WriteQueue::has_requests() const {
  return std::ranges::any_of(lanes_, [](const Waiting& lane) { return !lane.requests.empty(); });
}

bool WriteQueue::is_empty() const {
  const base::MutexLock lock(mutex_);
  return notes_.empty() && !has_requests();
}

std::size_t WriteQueue::length() const {
  const base::MutexLock lock(mutex_);
  std::size_t length = notes_.size();
  for (const Waiting& lane : lanes_) length += lane.requests.size();
  return length;
}

void WriteQueue::wait_for_something() {
  while (open_ && !has_requests()) {
    if (!notes_.empty()) {
      sleep_ = Sleep::for_company;
      wake_.wait_for(mutex_, limits_.notes_wait);
      sleep_ = Sleep::awake;
      return;
    }
    sleep_for_anything();
    let_progress_in(pace_.end_rests(ProgressPace::Clock::now()));
  }
}

void WriteQueue::sleep_for_anything() {
  sleep_ = Sleep::for_anything;
  if (const auto end = pace_.next_end()) {
    wake_.wait_for(mutex_, *end - ProgressPace::Clock::now());
  } else {
    wake_.wait(mutex_);
  }
  sleep_ = Sleep::awake;
}

bool WriteQueue::take(Batch& batch) {
  batch.clear();
  const base::MutexLock lock(mutex_);
  wait_for_something();
  if (pace_.next_end()) let_progress_in(pace_.end_rests(ProgressPace::Clock::now()));
  Taken taken;
  // A lane that is full of work still leaves a quarter of the changes to the ones behind it.
  const auto share = [&] {
    return limits_.batch - std::min(taken.changes, limits_.batch - limits_.batch / 4);
  };
  take_from(Lane::work, limits_.batch, batch, taken);
  take_from(Lane::control, share(), batch, taken);
  take_from(Lane::starts, share(), batch, taken);
  take_from(Lane::sweeps, 1, batch, taken);
  take_slice_of_notes(batch);
  take_from(Lane::lookups, limits_.batch, batch, taken);
  return !batch.empty() || open_ || has_requests() || !notes_.empty();
}

void WriteQueue::take_from(Lane lane, std::size_t most, Batch& batch, Taken& taken) {
  Waiting& from = waiting(lane);
  for (std::size_t changes = 0; changes < most && !from.requests.empty();) {
    const WriteRequest& next = *from.requests.front();
    if (taken.bytes > 0 && taken.bytes + next.bytes() > limits_.batch_bytes) return;
    changes += next.changes();
    taken.changes += next.changes();
    taken.bytes += next.bytes();
    from.bytes -= next.bytes();
    if (const auto key = next.settles()) {
      if (auto held = pace_.end_rest(*key)) let_progress_in({std::move(*held)});
      take_notes_of(*key, batch);
      (void)pace_.end_rest(*key);  // which taking them began anew
    }
    batch.push_back(std::move(from.requests.front()));
    from.requests.pop_front();
  }
}

void WriteQueue::take_notes_of(TaskKey key, Batch& batch) {
  const auto found = notes_.find(key);
  const bool was_cut = cut_.erase(key) > 0;
  if (found == notes_.end() && !was_cut) return;
  Notes notes;
  notes.key = key;
  if (found != notes_.end()) {
    notes = std::move(found->second);
    notes_.erase(found);
    if (notes_.empty()) notes_order_.clear();
  }
  notes.truncated = notes.truncated || was_cut;
  note_bytes_ -= notes.bytes + notes.lines.size() * line_overhead_bytes;
  if (notes.progress) pace_.begin_rest(key, ProgressPace::Clock::now());
  batch.push_back(request_of(std::move(notes)));
}

void WriteQueue::take_slice_of_notes(Batch& batch) {
  std::size_t rows = limits_.note_rows_in_a_slice;
  while (rows > 0 && !notes_order_.empty()) {
    const TaskKey key = notes_order_.front();
    const auto found = notes_.find(key);
    if (found == notes_.end()) {  // written with its task's end
      notes_order_.pop_front();
      continue;
    }
    Notes& notes = found->second;
    if (notes.lines.size() < rows) {
      rows -= notes.lines.size() + 1;
      notes_order_.pop_front();
      take_notes_of(key, batch);
      continue;
    }
    Notes slice;
    slice.key = key;
    slice.token = notes.token;
    slice.max_bytes = notes.max_bytes;
    for (; rows > 0; --rows) {
      const std::size_t bytes = log_bytes_of(notes.lines.front());
      notes.bytes -= bytes;
      note_bytes_ -= bytes + line_overhead_bytes;
      slice.lines.push_back(std::move(notes.lines.front()));
      notes.lines.pop_front();
    }
    batch.push_back(request_of(std::move(slice)));
  }
}

std::unique_ptr<WriteRequest> WriteQueue::request_of(Notes notes) {
  return std::make_unique<NotesRequest>(std::move(notes),
                                        [this](const Notes& lost) { remember_as_cut(lost); });
}

void WriteQueue::mark_cut_logs() {
  const base::MutexLock lock(mutex_);
  for (const TaskKey key : std::exchange(cut_, {})) notes_of(key, AttemptToken(0)).truncated = true;
}

void WriteQueue::remember_as_cut(const Notes& lost) {
  if (lost.lines.empty() && !lost.truncated) return;
  const base::MutexLock lock(mutex_);
  cut_.insert(lost.key);
}

}  // namespace longhaul::storage
