// What every daemon here does around its work: limits, privileges, and telling the service manager.
#pragma once

#include "common/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::daemon {

/// Raises the soft limit of open descriptors to the hard one. @return the limit now in force.
std::uint64_t raise_descriptor_limit() noexcept;

/// Whether an errno of socket(), connect() or epoll_ctl() says that this side lacks something:
/// descriptors, memory, watches, local ports. It says nothing about the peer then.
[[nodiscard]] bool is_own_shortage(int error) noexcept;

/// How many descriptors are open. Reads /proc: a kernel before 6.2 lists them one by one, which
/// takes milliseconds for tens of thousands. Thread: any. nullopt: /proc does not tell.
[[nodiscard]] std::optional<std::uint64_t> open_descriptors();

/// Whether `user` and `group` exist; empty names do.
/// Errors: one line that begins with "/global/user" or "/global/group".
[[nodiscard]] Result<void> check_identity(const std::string& user, const std::string& group);
/// As root: becomes them for good; empty names: stay. Not root: nothing. Thread: before any other
/// has started, so that all have the same rights. Errors: as above.
[[nodiscard]] Result<void> become(const std::string& user, const std::string& group);

/// Sends `state` ("READY=1", "STOPPING=1", "STATUS=…") to $NOTIFY_SOCKET (sd_notify(3)); nothing
/// without one. Failures are not reported: the service manager's loss, not the clients'.
void notify(std::string_view state) noexcept;

}  // namespace tandem::daemon
