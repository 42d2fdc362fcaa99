#include "api/task_query.h"

#include <ostream>
#include <set>

#include <doctest/doctest.h>

#include "api/time_text.h"

using namespace longhaul::api;

namespace {

TaskQuery accepted(const QueryParameters& parameters) {
  const auto query = parse_task_query(parameters);
  if (!query) FAIL(query.error().detail);
  return query.value();
}

template <class T>
std::string pointers_of(const Checked<T>& checked) {
  if (checked) return "";
  CHECK(checked.error().code == ErrorCode::validation_failed);
  std::string text;
  for (const FieldError& error : checked.error().errors) text += (text.empty() ? "" : " ") + error.pointer;
  return text;
}

std::string faults(const QueryParameters& parameters) { return pointers_of(parse_task_query(parameters)); }

const TaskId some_id = TaskId::make(std::chrono::milliseconds(1'772'366'400'000), 7, 0x123456789ABCDEF);

}  // namespace

TEST_CASE("no parameters: the first page of everything") {
  const TaskQuery query = accepted({});
  CHECK(query.page_size == 50);
  CHECK_FALSE(query.older_than);
  CHECK_FALSE(query.filter.state);
  CHECK(query.filter.tags.empty());
}

TEST_CASE("every filter is read") {
  const TaskQuery query = accepted({{"status", "timed_out"},
                                    {"type", "echo"},
                                    {"queue", "slow"},
                                    {"tag.customer", "acme"},
                                    {"tag.run", "4 2"},
                                    {"created_after", "2026-03-01T00:00:00Z"},
                                    {"created_before", "2026-03-02T00:00:00+01:00"},
                                    {"page_size", "7"},
                                    {"page_token", ""}});
  CHECK(query.filter.state == TaskState::timed_out);
  CHECK(query.filter.type == "echo");
  CHECK(query.filter.queue == "slow");
  REQUIRE(query.filter.tags.size() == 2);
  CHECK(query.filter.tags[0] == std::pair<std::string, std::string>("customer", "acme"));
  CHECK(query.filter.tags[1].second == "4 2");
  CHECK(query.filter.created_after == parse_time("2026-03-01T00:00:00Z"));
  CHECK(query.filter.created_before == parse_time("2026-03-01T23:00:00Z"));
  CHECK(query.page_size == 7);
  CHECK_FALSE(query.older_than);
}

TEST_CASE("each of the nine states is a status") {
  for (int i = 0; i < task_state_count; ++i) {
    const auto state = static_cast<TaskState>(i);
    CHECK(accepted({{"status", std::string(to_text(state))}}).filter.state == state);
  }
  for (const char* value : {"", "done", "QUEUED", "queued,running"})
    CHECK(faults({{"status", value}}) == "?status");
}

TEST_CASE("page sizes") {
  const auto size = [](const char* text) { return accepted({{"page_size", text}}).page_size; };
  CHECK(size("1") == 1);
  CHECK(size("500") == 500);
  CHECK(size("0") == 50);
  CHECK(size("501") == 500);
  CHECK(size("99999999999999999999999") == 500);
  CHECK(size("0010") == 10);
  for (const char* value : {"-1", "-0", "+1", "1.0", "1e2", "", " 1", "ten", "0x10"})
    CHECK(faults({{"page_size", value}}) == "?page_size");
}

TEST_CASE("faults are all told, each at its parameter") {
  CHECK(faults({{"stauts", "queued"}}) == "?stauts");
  CHECK(faults({{"wait", "1"},
                {"page_size", "x"},
                {"type", "a b"},
                {"queue", ""},
                {"created_after", "now"},
                {"tag.", "x"}}) == "?wait ?page_size ?type ?queue ?created_after ?tag.");
  CHECK(faults({{"type", "a"}, {"type", "b"}}) == "?type");
  CHECK(faults({{"page_token", ""}, {"page_token", ""}}) == "?page_token");
  CHECK(faults({{"tag.a", "\xFF"}, {"tag.\xFF", "a"}}) == "?tag.a ?tag.%FF");
  CHECK(faults({{"tag.a", std::string(257, 'x')}}) == "?tag.a");
  CHECK(faults({{"a b&c\xC3\xA9", ""}}) == "?a%20b&c%C3%A9");
  QueryParameters many;
  for (int i = 0; i < 17; ++i) many.emplace_back("tag.t" + std::to_string(i), "x");
  CHECK(faults(many) == "?tag.t16");
}

TEST_CASE("a page token leads on from where the page ended") {
  TaskFilter filter;
  const std::string token = make_page_token(filter, some_id);
  CHECK(accepted({{"page_token", token}}).older_than == some_id);
  CHECK(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);
  // The size of pages may change on the way.
  CHECK(accepted({{"page_size", "3"}, {"page_token", token}}).older_than == some_id);
}

TEST_CASE("a page token belongs to its filter") {
  const QueryParameters filters[] = {{},
                                     {{"status", "queued"}},
                                     {{"status", "running"}},
                                     {{"type", "a"}},
                                     {{"queue", "a"}},
                                     {{"tag.a", "b"}},
                                     {{"tag.b", "a"}},
                                     {{"tag.a", "b"}, {"tag.b", "a"}},
                                     {{"created_after", "2026-03-01T00:00:00Z"}},
                                     {{"created_before", "2026-03-01T00:00:00Z"}},
                                     {{"type", "a"}, {"queue", "a"}},
                                     {{"tag.a", ""}},
                                     {{"tag.ab", ""}},
                                     {{"tag.a", "b"}, {"tag.a", "b"}}};
  std::set<std::string> tokens;
  for (const QueryParameters& made_for : filters) {
    const std::string token = make_page_token(accepted(made_for).filter, some_id);
    tokens.insert(token);
    for (const QueryParameters& used_with : filters) {
      QueryParameters parameters = used_with;
      parameters.emplace_back("page_token", token);
      if (&made_for == &used_with) {
        CHECK(accepted(parameters).older_than == some_id);
      } else {
        CHECK(faults(parameters) == "?page_token");
      }
    }
  }
  CHECK(tokens.size() == std::size(filters));
  // The order of tags means nothing.
  const std::string token = make_page_token(accepted({{"tag.a", "1"}, {"tag.b", "2"}}).filter, some_id);
  CHECK(accepted({{"tag.b", "2"}, {"tag.a", "1"}, {"page_token", token}}).older_than == some_id);
}

TEST_CASE("a damaged page token is a fault") {
  const std::string token = make_page_token({}, some_id);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string damaged = token;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    CHECK(faults({{"page_token", damaged}}) == "?page_token");
    damaged[i] = '=';
    CHECK(faults({{"page_token", damaged}}) == "?page_token");
    CHECK((i == 0 || faults({{"page_token", token.substr(0, i)}}) == "?page_token"));
  }
  CHECK(faults({{"page_token", token + "A"}}) == "?page_token");
  CHECK(faults({{"page_token", "2"}}) == "?page_token");
}

TEST_CASE("wait is 0 to 300 seconds") {
  const auto wait = [](const char* text) {
    const auto parsed = parse_wait({{"wait", text}});
    REQUIRE(parsed.ok());
    return parsed->count();
  };
  CHECK(parse_wait({}).value() == Milliseconds(0));
  CHECK(parse_wait({{"other", "x"}}).value() == Milliseconds(0));
  CHECK(wait("0") == 0);
  CHECK(wait("5") == 5000);
  CHECK(wait("0.25") == 250);
  CHECK(wait("0.00001") == 1);
  CHECK(wait("300") == 300'000);
  CHECK(wait("300.0") == 300'000);
  for (const char* text : {"301", "300.001", "-1", "", "x", "1s", "nan", "inf", "1e2", "+1", " 1", ".5", "5.",
                           "0x1", "1,5", "99999999999999999999999999999999999999999"}) {
    CAPTURE(text);
    CHECK(pointers_of(parse_wait({{"wait", text}})) == "?wait");
  }
  CHECK(pointers_of(parse_wait({{"wait", std::string(400, '9')}})) == "?wait");
  CHECK(pointers_of(parse_wait({{"wait", "1"}, {"wait", "1"}})) == "?wait");
}

TEST_CASE("parameters that a request does not take are refused") {
  CHECK(check_parameters({}, {}).ok());
  CHECK(check_parameters({{"wait", "1"}, {"reason", ""}}, {"reason", "wait"}).ok());
  CHECK(pointers_of(check_parameters({{"wait", "1"}, {"revision", "2"}, {"x", ""}}, {"wait"})) ==
        "?revision ?x");
}
