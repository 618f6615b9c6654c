// Reads what "errorfiles" names: a whole HTTP/1 response that will be sent as it is. Pure.
#pragma once

#include "common/result.h"

#include <string>
#include <string_view>

namespace tandem::lb::config {

/// `text` as it may go to a client: bare line breaks in its head become CRLF (editors leave them
/// so). Errors: no status line, no end of the head, a "Content-Length" that is not the body's, or
/// "Transfer-Encoding": the client would wait, or take the rest for another response.
[[nodiscard]] Result<std::string> read_errorfile(std::string_view text);

}  // namespace tandem::lb::config
