// The log of the process: what happens to tandem itself (not to requests; those have the access
// log). One line a message, to stderr or a file, safe from any thread.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace tandem::log {

enum class Level : int { kDebug, kInfo, kNotice, kWarning, kError };

/// Messages below it are dropped. Default: info. Thread: any.
void set_level(Level level) noexcept;
[[nodiscard]] Level level() noexcept;

/// Name at the head of each line ("tandem-lb"). Before threads start.
void set_program(std::string_view name);

/// Writes "program: [level] message\n" with one write(2); line breaks in the message become
/// spaces, so that what a peer sent cannot forge a line.
void write(Level level, std::string_view message) noexcept;

/// Takes finished lines in place of stderr.
class Diversion {
 public:
  virtual ~Diversion() = default;
  /// False: it does not take this one. Thread: any.
  [[nodiscard]] virtual bool take(std::string_view line) noexcept = 0;
};
/// nullptr: to stderr. Whoever is taken out must not be destroyed while other threads log.
void divert(Diversion* diversion) noexcept;

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::kDebug)
    write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::kInfo)
    write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void notice(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::kNotice)
    write(Level::kNotice, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::kWarning)
    write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tandem::log
