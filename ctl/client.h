// Client: one question to a control socket, and the answer. Blocking; for a program that ends soon.
#pragma once

#include "common/address.h"
#include "common/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace tandem::ctl {

struct Answer {
  std::string text;         // without severities, and without the empty line at the end
  bool is_refused = false;  // an error was among the messages
};

/// Reads the answer to "set severity-output number;…": messages begin with "[3]: ", data do not.
[[nodiscard]] Answer parse_answer(std::string_view received);

/// Sends `command` and waits for the answer, at most ten seconds between two pieces of it.
/// Errors: nobody there, or the connection broke.
[[nodiscard]] Result<Answer> ask(const SocketAddress& socket, std::string_view command);

}  // namespace tandem::ctl
