#include "failover/system/thread_time.h"

#include "common/file_descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace tandem::failover::system {
namespace {

/// The beginning of a small file; empty if it cannot be read.
std::string read_start(const std::string& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> bytes;
  const ssize_t count = fd ? ::read(fd.get(), bytes.data(), bytes.size()) : 0;
  return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : std::string();
}

/// "nanoseconds on a CPU, nanoseconds waiting for one, turns"; the second counts a wait only when
/// it is over, so it says nothing about a thread that waits now. nullopt: nothing is told.
std::optional<OwnTime> parse_schedstat(std::string_view text) {
  std::array<std::int64_t, 2> nanoseconds{};
  for (std::int64_t& one : nanoseconds) {
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), one);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(rest - text.data()) + 1));
  }
  return OwnTime{.ran = std::chrono::nanoseconds(nanoseconds[0]),
                 .waited = std::chrono::nanoseconds(nanoseconds[1])};
}

/// proc(5), stat: "1234 (name, which may hold anything) R …".
char state_in(std::string_view stat) {
  const std::size_t name_end = stat.rfind(") ");
  if (name_end == std::string_view::npos || name_end + 2 >= stat.size()) return '?';
  return stat[name_end + 2];
}

}  // namespace

std::optional<ThreadTime> thread_time(std::int32_t process, std::uint32_t thread) {
  const std::string folder = fmt::format("/proc/{}/task/{}/", process, thread);
  const std::string stat = read_start(folder + "stat");
  const auto time = parse_schedstat(read_start(folder + "schedstat"));
  if (!time || stat.empty()) return std::nullopt;
  return ThreadTime{.wants_to_run = state_in(stat) == 'R', .ran = time->ran};
}

OwnTime own_time() {
  return parse_schedstat(read_start("/proc/thread-self/schedstat")).value_or(OwnTime{});
}

}  // namespace tandem::failover::system
