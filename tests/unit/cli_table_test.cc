// Aligned text, and what is shown of webhooks and deliveries.
#include <doctest/doctest.h>

#include <string>

#include "server/cli/text_table.h"
#include "server/cli/webhook_text.h"

namespace longhaul::tests {
namespace {

using namespace server;  // NOLINT: tests speak of it all the time

JsonObject object(const std::string& text) { return JsonObject::read(text).value(); }

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("tables: columns are as wide as their characters, and nothing steers the terminal") {
  CHECK(text_table({{"A", "B"}, {"ää", "x"}, {"y", "z\033[0m"}}) == "A   B\nää  x\ny   z?[0m\n");
  CHECK(text_table({{"A", "B"}, {"", "x"}}) == "A  B\n   x\n");
}

TEST_CASE("blocks: what is empty is left out") {
  CHECK(text_block({{"a", "1"}, {"b", ""}, {"description", "x\ny"}}) == "a           1\ndescription x?y\n");
}

TEST_CASE("webhooks: the state that matters most is shown") {
  const auto state = [](const std::string& members) {
    const std::string text = webhook_text(object("{" + members + "}"));
    const std::size_t begin = text.find("status      ") + 12;
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  CHECK(state(R"("disabled":false,"circuit":"closed","failing_since":null)") == "enabled");
  CHECK(state(R"("disabled":false,"circuit":"closed","failing_since":"t")") == "failing");
  CHECK(state(R"("disabled":false,"circuit":"open","failing_since":"t")") == "circuit open");
  CHECK(state(R"("disabled":true,"circuit":"open","failing_since":"t")") == "disabled");
}

TEST_CASE("deliveries: either shape, and of an answer one line") {
  const std::string attempt =
      R"({"duration_seconds":0.5,"response_status":500,"error":"BAD_STATUS","response_body":"no\r\npaper"})";
  const std::string summary = delivery_text(object(R"({"attempts":3,"last_attempt":)" + attempt + "}"));
  const std::string detail = delivery_text(object(R"({"attempts":[{},)" + attempt + "]}"));
  CHECK(has(summary, "attempts    3"));
  CHECK(has(detail, "attempts    2"));
  for (const std::string& text : {summary, detail}) {
    CHECK(has(text, "last one    BAD_STATUS, HTTP 500 after 0.5 s"));
    CHECK(has(text, "answer      no"));
  }
  const std::string none =
      delivery_text(object(R"({"attempts":[],"status":"exhausted","exhausted_cause":"gone"})"));
  CHECK(has(none, "attempts    0"));
  CHECK(has(none, "status      exhausted: gone"));
  CHECK(none.find("last one") == std::string::npos);
}

}  // namespace longhaul::tests
