#include "common/log.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace tandem::log {
namespace {

std::atomic<Level> g_level{Level::kInfo};

std::atomic<Diversion*> g_diversion{nullptr};

std::string& program() {
  static std::string name = "tandem";
  return name;
}

constexpr std::string_view word(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kNotice:
      return "notice";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "error";
}

}  // namespace

void set_level(Level level) noexcept { g_level.store(level, std::memory_order_relaxed); }
Level level() noexcept { return g_level.load(std::memory_order_relaxed); }
void divert(Diversion* diversion) noexcept {
  g_diversion.store(diversion, std::memory_order_release);
}
void set_program(std::string_view name) { program() = name; }

void write(Level level, std::string_view message) noexcept {
  if (level < log::level()) return;
  std::string line = fmt::format("{}: [{}] {}", program(), word(level), message);
  std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  line.push_back('\n');
  if (Diversion* const diversion = g_diversion.load(std::memory_order_acquire);
      diversion != nullptr && diversion->take(line))
    return;
  // A log that cannot be written has nowhere to be reported; the message is given up.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace tandem::log
