#include "api/problem.h"

#include <ostream>
#include <set>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace longhaul::api;

TEST_CASE("every code has one row of its own") {
  std::set<std::string_view> names;
  std::set<std::string_view> titles;
  const auto table = error_table();
  CHECK(table.size() == static_cast<std::size_t>(ErrorCode::http_version_not_supported) + 1);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const ErrorInfo& row = table[i];
    CAPTURE(row.name);
    CHECK(static_cast<std::size_t>(row.code) == i);
    CHECK(info(row.code).name == row.name);
    CHECK(row.status >= 400);
    CHECK(row.status <= 599);
    CHECK(row.name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string_view::npos);
    CHECK_FALSE(row.title.empty());
    names.insert(row.name);
    titles.insert(row.title);
  }
  CHECK(names.size() == table.size());
  CHECK(titles.size() == table.size());
}

TEST_CASE("the codes that the contract names") {
  CHECK(info(ErrorCode::task_already_final).name == "TASK_ALREADY_FINAL");
  CHECK(info(ErrorCode::task_already_final).status == 409);
  CHECK(info(ErrorCode::idempotency_key_reused).name == "IDEMPOTENCY_KEY_REUSED");
  CHECK(info(ErrorCode::idempotency_key_reused).status == 422);
  CHECK(info(ErrorCode::task_gone).status == 410);
  CHECK(info(ErrorCode::unknown_task_type).name == "UNKNOWN_TASK_TYPE");
  CHECK(info(ErrorCode::expectation_failed).status == 417);
  CHECK(info(ErrorCode::headers_too_large).status == 431);
}

TEST_CASE("a problem as JSON") {
  Problem problem;
  problem.code = ErrorCode::task_already_final;
  problem.detail = "The task has \"succeeded\".";
  CHECK(
      to_json(problem, "r1") ==
      R"({"type":"urn:longhaul:problem:TASK_ALREADY_FINAL","title":"The task has already ended","status":409,)"
      R"("detail":"The task has \"succeeded\".","code":"TASK_ALREADY_FINAL","request_id":"r1"})");
  problem.errors = {{"#/a", "must be b"}, {"?c", "d"}};
  problem.task_id = TaskId::parse("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  problem.task_status = TaskState::succeeded;
  const std::string text = to_json(problem, "r1");
  CHECK(text.ends_with(R"(,"errors":[{"pointer":"#/a","detail":"must be b"},{"pointer":"?c","detail":"d"}],)"
                       R"("task_id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","task_status":"succeeded"})"));
  CHECK(nlohmann::json::accept(text));
}
