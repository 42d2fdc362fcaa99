// A start whose answer is more than what the store says at once: it waits for the end of its task, and may be
// answered with an old result in its place.
//
//   final in time          200, the final status, Preference-Applied
//   failed, or not in time with `cache`: an old result if there is one that is young enough, 200 and Age
//   not in time            202; with on_timeout "cancel": 504, and the task is cancelled
//
// Only the start that made the task cancels it, and only as long as no other was answered with it: the store
// judges that. So it does when the client hangs up, also before the task is on disk. A wait that ends before
// its time, because the server stops, cancels nothing.
//
// Thread-safety: the loop's thread alone. Ownership: it is kept by whoever it waits for; the context must
// outlive it.
#pragma once

#include <memory>

#include "server/routes/judge_start.h"
#include "server/routes/route.h"
#include "server/routes/start_answers.h"

namespace longhaul::server {

// Turns true when the client hangs up; until begin() looks itself.
using GoneFlag = std::shared_ptr<bool>;
// To be called in the handler.
[[nodiscard]] GoneFlag watch_hang_up(const Responder& responder);

class SyncStart : public std::enable_shared_from_this<SyncStart> {
 public:
  // `gone` may be null where a hang-up changes nothing.
  SyncStart(const RouteContext& context, const Responder& responder, StartTerms terms, GoneFlag gone)
      : context_(context), responder_(responder), terms_(std::move(terms)), gone_(std::move(gone)) {}

  // Any thread may read.
  [[nodiscard]] const StartTerms& terms() const { return terms_; }

  // The task is on disk. Answers now or later.
  void begin(StartedTask started);

 private:
  // What is answered when no old result is.
  enum class Otherwise : std::uint8_t { final_status, accepted, timed_out };

  void wait_for_end();
  void on_final(const api::TaskSnapshotPtr& task);
  void on_end_of_wait();
  void on_hang_up();
  void cancel_in_time();
  void on_cancelled(const storage::StoreResult<storage::CancelOutcome>& outcome);
  void answer_present();
  void answer(const api::TaskSnapshotPtr& task, Otherwise otherwise);
  // These may be on a reader's thread: they only read.
  void answer_with(const api::TaskSnapshotPtr& task, Otherwise otherwise,
                   const storage::CachedResultPtr& kept) const;
  [[nodiscard]] storage::CachedResultPtr find_kept() const;
  [[nodiscard]] bool may_cancel() const { return terms_.cancels && started_.origin == TaskOrigin::created; }

  const RouteContext& context_;
  const Responder responder_;
  const StartTerms terms_;
  const GoneFlag gone_;
  StartedTask started_;  // as it was when the wait began
  WaitHub::WaiterNumber number_ = 0;
  bool is_cancelling_ = false;
  bool has_hung_up_ = false;
};

}  // namespace longhaul::server
