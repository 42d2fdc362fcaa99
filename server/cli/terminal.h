// What the client commands write to: finished lines, and one live line that is rewritten in place where that
// is possible. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace longhaul::server {

// Text of others (payloads, messages, log lines) without the control characters that could steer a terminal;
// tabs stay.
[[nodiscard]] std::string printable(std::string_view text);

// Characters of UTF-8 text, by their leading bytes.
[[nodiscard]] std::size_t character_count(std::string_view text);
[[nodiscard]] std::string first_characters(const std::string& text, std::size_t count);

// "longhaul: TEXT" on stderr, each line of it.
void complain(std::string_view text);
// A line on stderr for somebody who sits there; nothing when stderr is not a terminal.
void hint(std::string_view text);

// On a terminal show() rewrites one line; elsewhere it prints a line whenever the text has changed. Writes to
// stdout.
class LiveLine {
 public:
  LiveLine();
  ~LiveLine() { clear(); }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;
  void show(const std::string& text);
  void clear();

  [[nodiscard]] bool is_terminal() const { return terminal_; }
  // How many characters it can show.
  [[nodiscard]] static std::size_t width();

 private:
  const bool terminal_;
  bool shown_ = false;
  std::string last_;
};

}  // namespace longhaul::server
