// What the client commands read from streams and write to terminals.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "server/cli/event_reader.h"
#include "server/cli/progress_bar.h"
#include "server/cli/terminal.h"

namespace longhaul::tests {
namespace {

using namespace server;  // NOLINT: tests speak of it all the time
using std::chrono::seconds;

// "name:data" of each event in `text`, given in pieces of `size` bytes.
std::vector<std::string> events_of(EventReader& reader, const std::string& text, std::size_t size) {
  std::vector<std::string> seen;
  for (std::size_t at = 0; at < text.size(); at += size) {
    CHECK(reader.feed(std::string_view(text).substr(at, size), [&](const ServerEvent& event) {
      seen.push_back(event.name + ":" + event.data);
      return true;
    }));
  }
  return seen;
}

JsonObject status(const std::string& progress) {
  return JsonObject::read(R"({"status": "running", "attempt": 1, "max_attempts": 3, "progress": )" +
                          progress + "}")
      .value();
}

}  // namespace

TEST_CASE("event reader: events, however they are cut and their lines end") {
  const std::string text =
      "retry: 2000\n\nid: 1\nevent: log\ndata: {\"n\":1}\n\n:\n\nid: 2\r\nevent:end\r\ndata:a\r\ndata: "
      "b\r\n\r\n"
      "id: 3\rdata\r\r\ndata: x\n\nevent: nothing\n\nunknown: y\ndata: z\n\n";
  const std::vector<std::string> expected = {"log:{\"n\":1}", "end:a\nb", "message:", "message:x",
                                             "message:z"};
  for (std::size_t size = 1; size <= text.size(); ++size) {
    EventReader reader;
    CHECK(events_of(reader, text, size) == expected);
    CHECK(reader.last_id() == "3");
  }
}

TEST_CASE("event reader: what was begun when the connection broke is no event, and its id does not count") {
  EventReader reader;
  CHECK(events_of(reader, "id: 1\ndata: a\n\nid: 2\nevent: x\ndata: b", 1'000).size() == 1);
  reader.begin_anew();
  CHECK(reader.last_id() == "1");
  CHECK(events_of(reader, "data: c\n\n", 1'000) == std::vector<std::string>{"message:c"});
  CHECK(reader.last_id() == "1");
}

TEST_CASE("event reader: it stops when no more is wanted") {
  EventReader reader;
  int seen = 0;
  CHECK_FALSE(reader.feed("data: a\n\ndata: b\n\n", [&](const ServerEvent&) {
    ++seen;
    return false;
  }));
  CHECK(seen == 1);
}

TEST_CASE("progress bar: what it looks like") {
  const auto at = [](const std::string& progress, std::size_t columns) {
    return progress_bar(status(progress), seconds(67), columns);
  };
  CHECK(at(R"({"percent": 50, "message": "counting"})", 79) ==
        "running  [####################--------------------]   50 %  counting  1:07");
  CHECK(at(R"({"percent": 100, "message": ""})", 40) == "running  [################]  100 %  1:07");
  CHECK(at(R"({"percent": 99.9, "message": ""})", 40) == "running  [###############-]   99 %  1:07");
  CHECK(at(R"({"percent": 0, "message": "a long message that does not fit"})", 60) ==
        "running  [--------------]    0 %  a long message th...  1:07");
  CHECK(at(R"({"percent": 50, "message": "counting words"})", 30) == "running   50 %  count...  1:07");
  CHECK(at("null", 60) == "running  (attempt 1 of 3)  1:07");
  CHECK(at(R"({"percent": null, "message": "m"})", 60) == "running  m  (attempt 1 of 3)  1:07");
}

TEST_CASE("progress bar: never wider than the terminal, and no control character passes") {
  for (std::size_t columns = 0; columns < 120; ++columns) {
    for (const char* progress :
         {"null",
          R"({"percent": 33.3, "message": "\u00e4\u00f6\u00fc \u001b[2J \n and so on and on and on and on"})",
          R"({"percent": 100, "message": ""})",
          R"({"percent": null, "message": "only words, and many of them"})"}) {
      const std::string line = progress_bar(status(progress), seconds(360'000), columns);
      CHECK(character_count(line) <= columns);
      CHECK(line.find_first_of("\x1b\n\r") == std::string::npos);
    }
  }
}

TEST_CASE("progress bar: its clock") {
  CHECK(clock_text(seconds(-5)) == "0:00");
  CHECK(clock_text(seconds(59)) == "0:59");
  CHECK(clock_text(seconds(600)) == "10:00");
  CHECK(clock_text(seconds(3'599)) == "59:59");
  CHECK(clock_text(seconds(3'725)) == "1:02:05");
}

}  // namespace longhaul::tests
