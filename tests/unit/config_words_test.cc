// --task's splitting into words, and the nearest known name.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "server/config/nearest_name.h"
#include "server/config/shell_words.h"

using longhaul::server::nearest_name;
using longhaul::server::slips_between;
using longhaul::server::split_shell_words;
using Words = std::vector<std::string>;

namespace {

Words words_of(const std::string& text) {
  const auto words = split_shell_words(text);
  REQUIRE(words);
  return *words;
}

std::string complaint_about(const std::string& text) {
  const auto words = split_shell_words(text);
  REQUIRE_FALSE(words);
  return words.error().message;
}

}  // namespace

TEST_CASE("blanks separate words, as many as there are") {
  CHECK(words_of("wc -w") == Words{"wc", "-w"});
  CHECK(words_of("  a \t b\n c  ") == Words{"a", "b", "c"});
  CHECK(words_of("").empty());
  CHECK(words_of(" \t\n").empty());
}

TEST_CASE("single quotes take everything as it is") {
  CHECK(words_of(R"('a b' c)") == Words{"a b", "c"});
  CHECK(words_of(R"('a\nb "c" $d')") == Words{R"(a\nb "c" $d)"});
  CHECK(words_of(R"(a'b c'd)") == Words{"ab cd"});
}

TEST_CASE("double quotes let a backslash escape five characters only") {
  CHECK(words_of(R"("a b")") == Words{"a b"});
  CHECK(words_of(R"("\"\\\$\`")") == Words{R"("\$`)"});
  CHECK(words_of(R"("\n\a")") == Words{R"(\n\a)"});
  CHECK(words_of("\"a\\\nb\"") == Words{"ab"});
  CHECK(words_of(R"("it's")") == Words{"it's"});
}

TEST_CASE("a backslash outside quotes escapes any character") {
  CHECK(words_of(R"(a\ b)") == Words{"a b"});
  CHECK(words_of(R"(\'a\" \\)") == Words{R"('a")", R"(\)"});
  CHECK(words_of("a\\\nb") == Words{"ab"});
}

TEST_CASE("empty quotes are a word") {
  CHECK(words_of("''") == Words{""});
  CHECK(words_of(R"(a "" '' b)") == Words{"a", "", "", "b"});
  CHECK(words_of(R"(a"")") == Words{"a"});
}

TEST_CASE("nothing is expanded") {
  CHECK(words_of("echo $HOME ~ * | wc > x # y & z; `w` $(v)") ==
        Words{"echo", "$HOME", "~", "*", "|", "wc", ">", "x", "#", "y", "&", "z;", "`w`", "$(v)"});
}

TEST_CASE("what is not closed is refused") {
  CHECK(complaint_about("a 'b") == "a ' is not closed");
  CHECK(complaint_about("a \"b") == "a \" is not closed");
  CHECK(complaint_about(R"("a\")") == "a \" is not closed");
  CHECK(complaint_about("a \\") == "there is nothing behind the last backslash");
}

TEST_CASE("slips are counted: a letter more, less, other, two swapped") {
  CHECK(slips_between("listen", "listen") == 0);
  CHECK(slips_between("lisen", "listen") == 1);
  CHECK(slips_between("listenn", "listen") == 1);
  CHECK(slips_between("lixten", "listen") == 1);
  CHECK(slips_between("lsiten", "listen") == 1);
  CHECK(slips_between("", "abc") == 3);
  CHECK(slips_between("abc", "") == 3);
}

TEST_CASE("the nearest known name") {
  const std::vector<std::string> known{"server.listen", "server.allowed_hosts", "storage.database"};
  CHECK(nearest_name("server.lisen", known) == "server.listen");
  CHECK(nearest_name("listen", known) == "server.listen");
  CHECK(nearest_name("server.database", known) == "storage.database");
  CHECK(nearest_name("storage.databse", known) == "storage.database");
  CHECK(nearest_name("server.hosts_allowed_quickly", known) == std::nullopt);
  CHECK(nearest_name("x", {}) == std::nullopt);
  CHECK(nearest_name("sever.listen", known) == "server.listen");
  CHECK(nearest_name("serverlisten", known) == "server.listen");
}

TEST_CASE("what is far from every name is near to none, whatever section they share") {
  const std::vector<std::string> known{"tasks.resize.environment", "tasks.resize.result",
                                       "tasks.resize.max_attempts"};
  CHECK(nearest_name("tasks.resize.memory_mb", known) == std::nullopt);
  CHECK(nearest_name("tasks.resize.persistent", known) == std::nullopt);
  CHECK(nearest_name("tasks.resize.max_atempts", known) == "tasks.resize.max_attempts");
  CHECK(nearest_name("tasks.resize.rsult", known) == "tasks.resize.result");
  CHECK(nearest_name("a", std::vector<std::string>{"b", "ls"}) == std::nullopt);
}
