#include "worker/attempt_end.h"

#include <doctest/doctest.h>

#include "api/task_error.h"
#include "tests/worker/borrowed_type.h"

using namespace longhaul;
using api::AttemptOutcome;
using api::StopCause;
using worker::Attempt;
using worker::AttemptPhase;
using worker::AttemptReport;
using worker::TaskKind;
using worker::TaskType;

namespace {

TaskType type_of(TaskKind kind) {
  TaskType type;
  type.name = "type";
  type.kind = kind;
  return type;
}

Attempt attempt_in(AttemptPhase phase, const TaskType& type, std::optional<StopCause> cause = std::nullopt) {
  Attempt attempt;
  attempt.key = api::TaskKey(7);
  attempt.token = api::AttemptToken(9);
  attempt.type = tests::borrowed(type);
  attempt.phase = phase;
  attempt.timeout = base::Milliseconds(2500);
  attempt.stop_cause = cause;
  return attempt;
}

AttemptReport success() {
  AttemptReport report;
  report.succeeded = true;
  report.result = api::RawJson{"42"};
  report.exit_code = 0;
  return report;
}

AttemptReport failure(bool retryable) {
  AttemptReport report;
  report.retryable = retryable;
  report.error = api::TaskError{"MINE", "it broke", {}, {}, {}};
  report.exit_code = 65;
  return report;
}

AttemptReport loss() {
  AttemptReport report;
  report.lost = true;
  report.signal = 9;
  return report;
}

}  // namespace

TEST_CASE("attempt end: what is reported, seen by what had been decided") {
  const TaskType thread = type_of(TaskKind::builtin);
  const TaskType program = type_of(TaskKind::command);
  struct Row {
    AttemptPhase phase;
    std::optional<StopCause> cause;
    const TaskType* type;
    AttemptOutcome succeeded, failed, lost;
  };
  using P = AttemptPhase;
  using O = AttemptOutcome;
  const Row rows[] = {
      {P::running, {}, &program, O::succeeded, O::failed, O::lost},
      {P::last_timeout, {}, &program, O::succeeded, O::failed, O::lost},
      {P::timing_out, {}, &program, O::timed_out, O::timed_out, O::timed_out},
      {P::timing_out, {}, &thread, O::timed_out, O::timed_out, O::timed_out},
      {P::releasing, {}, &program, O::released, O::released, O::released},
      {P::releasing, {}, &thread, O::succeeded, O::released, O::released},
      {P::cancelling, StopCause::cancel, &program, O::succeeded, O::cancelled, O::cancelled},
      {P::cancelling, StopCause::deadline, &program, O::succeeded, O::timed_out, O::timed_out},
      {P::cancelling, StopCause::timeout, &program, O::succeeded, O::timed_out, O::timed_out},
  };
  for (const Row& row : rows) {
    CAPTURE(static_cast<int>(row.phase));
    const Attempt attempt = attempt_in(row.phase, *row.type, row.cause);
    const auto end_as = [&attempt](AttemptReport report) {
      auto end = worker::end_of(attempt, std::move(report), base::Milliseconds(250));
      CHECK(end.key == attempt.key);
      CHECK(end.token == attempt.token);
      CHECK(end.result.has_value() == (end.outcome == O::succeeded));
      CHECK(end.error.has_value() ==
            (end.outcome == O::failed || end.outcome == O::lost || end.outcome == O::released));
      CHECK(end.backoff == base::Milliseconds(250));
      return end.outcome;
    };
    CHECK(end_as(success()) == row.succeeded);
    CHECK(end_as(failure(true)) == row.failed);
    CHECK(end_as(loss()) == row.lost);
  }
}

TEST_CASE("attempt end: only a failure can be for good") {
  const TaskType program = type_of(TaskKind::command);
  const auto backoff = base::Milliseconds(1);
  CHECK_FALSE(end_of(attempt_in(AttemptPhase::running, program), failure(false), backoff).retryable);
  CHECK(end_of(attempt_in(AttemptPhase::running, program), failure(true), backoff).retryable);
  CHECK(end_of(attempt_in(AttemptPhase::running, program), loss(), backoff).retryable);
  CHECK(end_of(attempt_in(AttemptPhase::timing_out, program), failure(false), backoff).retryable);
}

TEST_CASE("attempt end: the error says what happened") {
  const TaskType program = type_of(TaskKind::command);
  const auto backoff = base::Milliseconds(1);
  auto end = end_of(attempt_in(AttemptPhase::running, program), failure(true), backoff);
  CHECK(end.error->code == "MINE");
  CHECK(end.error->exit_code == 65);
  CHECK(end.exit_code == 65);

  end = end_of(attempt_in(AttemptPhase::timing_out, program), loss(), backoff);
  CHECK_FALSE(end.error);  // the store's to say
  CHECK(end.signal == 9);

  end = end_of(attempt_in(AttemptPhase::running, program), loss(), backoff);
  CHECK(end.error->code == api::task_error::worker_lost);
}

TEST_CASE("attempt end: one that was never begun is given back, or ends as what stopped it") {
  const TaskType program = type_of(TaskKind::command);
  CHECK(end_unbegun(attempt_in(AttemptPhase::claimed, program)).outcome == AttemptOutcome::released);
  CHECK(end_unbegun(attempt_in(AttemptPhase::cancelling, program, StopCause::cancel)).outcome ==
        AttemptOutcome::cancelled);
  CHECK(end_unbegun(attempt_in(AttemptPhase::cancelling, program, StopCause::deadline)).outcome ==
        AttemptOutcome::timed_out);
}
