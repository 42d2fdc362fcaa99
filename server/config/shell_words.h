// Splits one text into the words that a POSIX shell would see in it, and expands nothing: `$`, `*`, `~`, `|`,
// `>` and `#` are ordinary characters. Blanks separate words; '...' is taken as it is; inside "..." a
// backslash escapes only " \ $ ` and a newline (which it removes); elsewhere it escapes any character.
// Source: POSIX.1-2017, Shell Command Language, 2.2 Quoting. Pure; any thread.
// Errors: a quote that is not closed, or a backslash with nothing behind it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace longhaul::server {

[[nodiscard]] base::Result<std::vector<std::string>> split_shell_words(std::string_view text);

}  // namespace longhaul::server
