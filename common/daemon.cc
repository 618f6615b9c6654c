#include "common/daemon.h"

#include "common/file_descriptor.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace tandem::daemon {

std::uint64_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

std::optional<std::uint64_t> open_descriptors() {
  constexpr const char* kFolder = "/proc/self/fd";
  struct stat status{};
  // Since Linux 6.2 the size of the folder is their number; before, it is 0.
  if (::stat(kFolder, &status) == 0 && status.st_size > 0)
    return static_cast<std::uint64_t>(status.st_size);
  std::error_code error;
  std::filesystem::directory_iterator entry(kFolder, error);
  std::uint64_t count = 0;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  if (error || count == 0) return std::nullopt;
  return count - 1;  // without the one that lists them
}

namespace {

const passwd* find_user(const std::string& user) { return getpwnam(user.c_str()); }
const group* find_group(const std::string& name) { return getgrnam(name.c_str()); }

}  // namespace

Result<void> check_identity(const std::string& user, const std::string& group) {
  if (!user.empty() && find_user(user) == nullptr)
    return fail(fmt::format("/global/user: there is no user \"{}\"", user));
  if (!group.empty() && find_group(group) == nullptr)
    return fail(fmt::format("/global/group: there is no group \"{}\"", group));
  return {};
}

Result<void> become(const std::string& user, const std::string& group) {
  if (geteuid() != 0 || (user.empty() && group.empty())) return {};
  const passwd* account = user.empty() ? nullptr : find_user(user);
  gid_t gid = account != nullptr ? account->pw_gid : getgid();
  if (!group.empty()) {
    const auto* found = find_group(group);
    if (found == nullptr)
      return fail(fmt::format("/global/group: there is no group \"{}\"", group));
    gid = found->gr_gid;
  }
  // Groups first: afterwards we may no longer.
  if (setgroups(1, &gid) != 0 || setresgid(gid, gid, gid) != 0)
    return fail(fmt::format("/global/group: cannot become it: {}", std::strerror(errno)));
  if (account == nullptr) return {};
  const uid_t uid = account->pw_uid;
  if (setresuid(uid, uid, uid) != 0)
    return fail(fmt::format("/global/user: cannot become \"{}\": {}", user, std::strerror(errno)));
  return {};
}

void notify(std::string_view state) noexcept {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(path);
  if (size == 0 || size >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, size);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return;
  static_cast<void>(::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address),
                             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size)));
}

bool is_own_shortage(int error) noexcept {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case ENOSPC:         // watches of the poller
    case EADDRNOTAVAIL:  // local ports
      return true;
    default:
      return false;
  }
}

}  // namespace tandem::daemon
