#include "config/environment.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace tandem::config {
namespace {

std::optional<std::string> variable_of_process(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

std::string own_host_name() {
  std::array<char, 256> name{};
  // The last byte stays zero: POSIX does not promise an end when the name was cut.
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

/// CPUs this process may run on, which a container may have fewer of than the machine.
std::uint32_t usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&set)));
}

}  // namespace

Environment Environment::of_this_process() {
  return Environment{
      .variable = variable_of_process,
      .resolve = [](std::string_view text) { return SocketAddress::parse(text, true); },
      .host_name = own_host_name(),
      .cpus = usable_cpus()};
}

}  // namespace tandem::config
