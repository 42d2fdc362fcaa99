#include "api/task_id.h"

#include <ostream>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/random_json.h"

using longhaul::api::TaskId;
using std::chrono::milliseconds;

TEST_CASE("the example of RFC 9562, appendix A.6") {
  const TaskId id = TaskId::make(milliseconds(0x017F22E279B0), 0xCC3, 0x18C4DC0C0C07398F);
  CHECK(id.text() == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  CHECK(id.time() == milliseconds(0x017F22E279B0));
  CHECK(TaskId::parse("017f22e2-79b0-7cc3-98c4-dc0c0c07398f") == id);
}

TEST_CASE("ids read back, and sort by time, then sequence") {
  const std::uint64_t seed = longhaul::tests::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  TaskId before;
  for (int i = 1; i < 5'000; ++i) {
    const milliseconds time(1'772'366'400'000 + i / 50);
    const TaskId id = TaskId::make(time, static_cast<std::uint16_t>(i % 50), random());
    REQUIRE(TaskId::parse(id.text()) == id);
    REQUIRE(id.time() == time);
    REQUIRE(before < id);
    REQUIRE(before.text() < id.text());
    REQUIRE(TaskId::first_of(time) <= id);
    REQUIRE(id < TaskId::first_of(time + milliseconds(1)));
    before = id;
  }
}

TEST_CASE("the edge of a millisecond is an id itself") {
  const TaskId edge = TaskId::first_of(milliseconds(1'772'366'400'000));
  CHECK(TaskId::parse(edge.text()) == edge);
  CHECK(TaskId::make(milliseconds(1'772'366'400'000), 0, 0) == edge);
  CHECK(TaskId::make(milliseconds(1), 0xFFFF, ~0ULL).text() == "00000000-0001-7fff-bfff-ffffffffffff");
}

TEST_CASE("only the one strict form is an id") {
  const std::string good = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
  REQUIRE(TaskId::parse(good));
  for (const std::string bad :
       {"", "017f22e2", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "017f22e279b07cc398c4dc0c0c07398f",
        "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}", "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-78c4-dc0c0c07398f", "017f22e2-79b0-7cc3-c8c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "017f22e2 79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f ", " 017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e-279b0-7cc3-98c4-dc0c0c07398f", "00000000-0000-0000-0000-000000000000"}) {
    CAPTURE(bad);
    CHECK_FALSE(TaskId::parse(bad));
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string damaged = good;
    damaged[i] = '\0';
    CHECK_FALSE(TaskId::parse(damaged));
    CHECK_FALSE(TaskId::parse(good.substr(0, i)));
  }
}

TEST_CASE("ids hash apart") {
  const std::hash<TaskId> hash;
  CHECK(hash(TaskId::make(milliseconds(1), 0, 1)) != hash(TaskId::make(milliseconds(1), 0, 2)));
  CHECK(hash(TaskId::make(milliseconds(1), 0, 1)) != hash(TaskId::make(milliseconds(2), 0, 1)));
}
