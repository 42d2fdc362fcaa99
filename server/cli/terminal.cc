#include "server/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace longhaul::server {
namespace {

constexpr std::size_t usual_columns = 80;

std::size_t columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return usual_columns;
  return size.ws_col;
}

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

}  // namespace

std::size_t character_count(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string first_characters(const std::string& text, std::size_t count) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (begins_character(text[i]) && ++seen > count) return text.substr(0, i);
  }
  return text;
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are control characters too; in UTF-8 they are C2 80 to C2 9F.
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) {
      out += '?';
      ++i;
    } else {
      out += (byte < 0x20 && byte != '\t') || byte == 0x7F ? '?' : text[i];
    }
  }
  return out;
}

void complain(std::string_view text) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::cerr << (begin == 0 ? "longhaul: " : "  ") << printable(text.substr(begin, end - begin)) << '\n';
    begin = end + 1;
  }
}

void hint(std::string_view text) {
  if (::isatty(STDERR_FILENO) == 1) std::cerr << text << '\n';
}

LiveLine::LiveLine() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

std::size_t LiveLine::width() { return columns() - 1; }

void LiveLine::show(const std::string& text) {
  if (!terminal_) {
    if (text != last_) std::cout << text << std::endl;  // at once: somebody may be reading the pipe
    last_ = text;
    return;
  }
  std::cout << "\r\033[K" << first_characters(text, width()) << std::flush;
  shown_ = true;
}

void LiveLine::clear() {
  if (shown_) std::cout << "\r\033[K" << std::flush;
  shown_ = false;
}

}  // namespace longhaul::server
