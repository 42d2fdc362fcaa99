#include "base/service.h"

#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace longhaul::base;

namespace {

// Writes down what happens to it.
class Recorder final : public Service {
 public:
  Recorder(std::string name, std::vector<std::string>& journal, bool works = true)
      : name_(std::move(name)), journal_(journal), works_(works) {}
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] Result<void> start() override {
    journal_.push_back("start " + name_);
    if (!works_) return fail("it is broken");
    return {};
  }
  void stop() override { journal_.push_back("stop " + name_); }

 private:
  std::string name_;
  std::vector<std::string>& journal_;
  bool works_;
};

using Journal = std::vector<std::string>;

}  // namespace

TEST_CASE("services start in order and stop in reverse, once") {
  Journal journal;
  Recorder a("a", journal);
  Recorder b("b", journal);
  Recorder c("c", journal);
  ServiceList list;
  CHECK(list.start({&a, &b, &c}).ok());
  list.stop();
  CHECK(journal == Journal{"start a", "start b", "start c", "stop c", "stop b", "stop a"});
  list.stop();
  CHECK(journal.size() == 6);
}

TEST_CASE("a failed start stops what had started, and says whose it was") {
  Journal journal;
  Recorder a("a", journal);
  Recorder b("b", journal);
  Recorder broken("broken", journal, false);
  Recorder never("never", journal);
  ServiceList list;
  const auto started = list.start({&a, &b, &broken, &never});
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().message == "broken: it is broken");
  CHECK(journal == Journal{"start a", "start b", "start broken", "stop b", "stop a"});
  list.stop();
  CHECK(journal.size() == 5);
}
