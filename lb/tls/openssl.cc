#include "lb/tls/openssl.h"

namespace tandem::lb::tls {

std::string error_text() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (error == 0) return {};
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "error " + std::to_string(error);
}

}  // namespace tandem::lb::tls
