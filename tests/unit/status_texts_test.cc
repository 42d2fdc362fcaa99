#include "server/routes/status_texts.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "api/task_json.h"

using namespace longhaul;
using server::StatusTexts;

namespace {

api::TaskSnapshot task_number(std::uint64_t number) {
  api::TaskSnapshot task;
  task.id = api::TaskId::make(std::chrono::milliseconds(number), 0, number * 0x9E3779B97F4A7C15ULL);
  task.type = "echo";
  task.state = api::TaskState::running;
  return task;
}

}  // namespace

TEST_CASE("a status text is that of the very snapshot, whoever had the place before") {
  StatusTexts texts;
  std::vector<api::TaskSnapshotPtr> tasks;  // more than there are places
  for (std::uint64_t i = 0; i < 2000; ++i) {
    tasks.push_back(std::make_shared<const api::TaskSnapshot>(task_number(i)));
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& task : tasks) {
      for (int again = 0; again < 2; ++again) {
        REQUIRE(texts.text_of(task) == api::status_json(*task, std::nullopt));
      }
    }
  }
}

TEST_CASE("a status text does not outlive a change of its task") {
  StatusTexts texts;
  api::TaskSnapshot task = task_number(1);
  for (int percent = 0; percent < 100; ++percent) {
    // Progress changes neither state nor revision, and a new snapshot may lie where an old one lay.
    task.progress = api::Progress{percent, "", api::WallTime()};
    const auto snapshot = std::make_shared<const api::TaskSnapshot>(task);
    REQUIRE(texts.text_of(snapshot) == api::status_json(task, std::nullopt));
  }
}

TEST_CASE("a long status text is not kept") {
  StatusTexts texts;
  api::TaskSnapshot task = task_number(1);
  task.state = api::TaskState::succeeded;
  task.result = api::RawJson{'"' + std::string(StatusTexts::max_text_bytes, 'x') + '"'};
  const auto snapshot = std::make_shared<const api::TaskSnapshot>(std::move(task));
  CHECK(texts.text_of(snapshot) == api::status_json(*snapshot, std::nullopt));
  CHECK(snapshot.use_count() == 1);
}
