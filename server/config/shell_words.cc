#include "server/config/shell_words.h"

#include <optional>
#include <utility>

namespace longhaul::server {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

bool is_escapable_in_double_quotes(char c) {
  return c == '"' || c == '\\' || c == '$' || c == '`' || c == '\n';
}

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  base::Result<std::vector<std::string>> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (is_blank(c)) {
        end_word();
      } else if (c == '\'') {
        if (!single_quoted()) return base::fail("a ' is not closed");
      } else if (c == '"') {
        if (!double_quoted()) return base::fail("a \" is not closed");
      } else if (c == '\\') {
        if (at_ == text_.size()) return base::fail("there is nothing behind the last backslash");
        escaped(text_[at_++]);
      } else {
        word() += c;
      }
    }
    end_word();
    return std::move(words_);
  }

 private:
  // A word begins with its first character or its first quote, so that '' is a word and two blanks in a row
  // make none.
  std::string& word() {
    if (!word_) word_.emplace();
    return *word_;
  }
  void end_word() {
    if (word_) words_.push_back(std::move(*word_));
    word_.reset();
  }
  void escaped(char c) {
    if (c != '\n') word() += c;
  }
  bool single_quoted() {
    const auto end = text_.find('\'', at_);
    if (end == std::string_view::npos) return false;
    word() += text_.substr(at_, end - at_);
    at_ = end + 1;
    return true;
  }
  bool double_quoted() {
    std::string& into = word();
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (c == '\\' && at_ < text_.size() && is_escapable_in_double_quotes(text_[at_])) {
        escaped(text_[at_++]);
      } else {
        into += c;
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<std::string> word_;
  std::vector<std::string> words_;
};

}  // namespace

base::Result<std::vector<std::string>> split_shell_words(std::string_view text) {
  return Splitter(text).run();
}

}  // namespace longhaul::server
