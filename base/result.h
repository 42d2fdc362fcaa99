// A value or an error, for everything that can be expected to fail. Exceptions are caught where a library
// throws them and turned into one of these; assertions are for our own mistakes.
//
// Thread-safety: as safe as T and E. Ownership: holds its value or error. Never empty.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace longhaul::base {

// An error of the system or of a library, said so that a person can act on it.
struct Error {
  std::string message;
};

template <class E>
struct Failure {
  E error;
};
template <class E>
Failure(E) -> Failure<E>;

[[nodiscard]] inline Failure<Error> fail(std::string message) { return {Error{std::move(message)}}; }

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: meant to convert
  Result(Failure<E> failure)
      : state_(std::in_place_index<1>, std::move(failure.error)) {}  // NOLINT: meant to convert

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] T& value() & { return assert(ok()), *std::get_if<0>(&state_); }
  [[nodiscard]] const T& value() const& { return assert(ok()), *std::get_if<0>(&state_); }
  [[nodiscard]] T&& value() && { return assert(ok()), std::move(*std::get_if<0>(&state_)); }
  [[nodiscard]] E& error() & { return assert(!ok()), *std::get_if<1>(&state_); }
  [[nodiscard]] const E& error() const& { return assert(!ok()), *std::get_if<1>(&state_); }
  [[nodiscard]] E&& error() && { return assert(!ok()), std::move(*std::get_if<1>(&state_)); }

  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

 private:
  std::variant<T, E> state_;
};

template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(Failure<E> failure) : error_(std::move(failure.error)) {}  // NOLINT: meant to convert

  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const E& error() const& { return assert(!ok()), *error_; }
  [[nodiscard]] E&& error() && { return assert(!ok()), std::move(*error_); }

 private:
  std::optional<E> error_;
};

}  // namespace longhaul::base
