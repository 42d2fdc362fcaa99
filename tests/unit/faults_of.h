// The faults of a checked request, as a test compares them.
#pragma once

#include <string>

#include "api/problem.h"

namespace longhaul::tests {

// All as "pointer: detail", one a line; nothing of one that was taken.
template <class Request>
std::string faults_of(const api::Checked<Request>& checked) {
  if (checked) return "";
  if (checked.error().code != api::ErrorCode::validation_failed) return checked.error().detail;
  std::string text;
  for (const api::FieldError& error : checked.error().errors) {
    text += (text.empty() ? "" : "\n") + error.pointer + ": " + error.detail;
  }
  return text;
}

}  // namespace longhaul::tests
