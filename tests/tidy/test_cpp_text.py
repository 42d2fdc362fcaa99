"""The rules can only be as good as the reader they stand on."""

import cpp_text

SAMPLE = '''
#include "a/b.h"  // #include "not/this.h"
/* #include "nor/this.h" */
#define BRACES(x) \\
  if (x) {
namespace one::two {
namespace {
constexpr int table[] = {1, 2, 3};
const char* text = "{ // }";
const char quote = '{'; int big = 1'000'000;
const auto raw = R"x({ " )" {)x";
enum class Kind : int { a, b };
int plain(int a, const std::map<int, int>& b = {}) {
  auto inner = [&] { return a; };
  return inner();
}
}  // namespace
class LOCKED(capability("mutex")) Thing final : public Base<int> {
 public:
  Thing() : a_{1}, b_(2), c_{} { go(); }
  explicit Thing(std::function<void()> f)
      : a_{
            1},
        b_(std::move(f)) {
    go();
  }
  bool operator<(const Thing& other) const {
    return a_ < other.a_;
  }
  void guarded() REQUIRES(mutex_) {
  }
  std::function<void()> callback_{};
  std::array<int, 2> pair_ = {1, 2};
};
auto Thing::later() const -> std::vector<int> {
  for (;;) {
  }
}
template <class T>
  requires std::is_integral_v<T>
T Thing::pick(T value) {
  return value;
}
struct stat read_stat() {
  return {};
}
TEST_CASE("a { brace") {
}
}  // namespace one::two
'''


def test_functions_are_found_with_name_and_length():
    found = [(f.name, f.lines) for f in cpp_text.functions(SAMPLE)]
    assert found == [
        ("plain", 4), ("Thing", 1), ("Thing", 3), ("operator<", 3), ("guarded", 2), ("Thing::later", 4),
        ("Thing::pick", 3), ("read_stat", 3), ("TEST_CASE", 2)]


def test_the_line_of_a_function_is_the_line_of_its_brace():
    lines = SAMPLE.split("\n")
    for function in cpp_text.functions(SAMPLE):
        assert "{" in lines[function.line - 1]


def test_includes_in_comments_do_not_count():
    assert cpp_text.includes(SAMPLE) == [(2, "a/b.h", True)]


def test_blanking_keeps_every_line_in_its_place():
    for blanked in (cpp_text.code_only(SAMPLE), cpp_text.without_comments(SAMPLE)):
        assert len(blanked) == len(SAMPLE)
        assert [i for i, c in enumerate(blanked) if c == "\n"] == [i for i, c in enumerate(SAMPLE) if c == "\n"]
