// Result: a value or an error that says what went wrong; the way every fallible call answers.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace tandem {

/// A failure with words for a person. Rooms on the data path have error types of their own
/// (http::ParseError, upstream::ConnectError) that carry codes in place of strings.
struct Error {
  std::string message;
};

template <class T, class E = Error>
using Result = std::expected<T, E>;

[[nodiscard]] inline std::unexpected<Error> fail(std::string message) {
  return std::unexpected<Error>(Error{std::move(message)});
}

}  // namespace tandem
