#include "common/command/session.h"

namespace tandem::command {

std::string_view level_name(Level level) noexcept {
  switch (level) {
    case Level::kUser:
      return "user";
    case Level::kOperator:
      return "operator";
    case Level::kAdmin:
      return "admin";
  }
  return "user";
}

}  // namespace tandem::command
