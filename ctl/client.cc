#include "ctl/client.h"

#include "common/file_descriptor.h"
#include "common/text.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace tandem::ctl {
namespace {

constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};

std::unexpected<Error> system_failure(const SocketAddress& socket) {
  return fail(fmt::format("{}: {}", socket.text(), std::strerror(errno)));
}

/// "[3]: No such server." begins with a severity.
bool has_severity(std::string_view line) {
  return line.size() >= 5 && line[0] == '[' && line[1] >= '0' && line[1] <= '7' &&
         line.substr(2, 3) == "]: ";
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool receive_all(int fd, std::string& into) {
  std::array<char, 16 * 1024> bytes;
  for (;;) {
    const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (got == 0) return true;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    into.append(bytes.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

Answer parse_answer(std::string_view received) {
  Answer answer;
  if (received.starts_with('\n')) received.remove_prefix(1);  // of "set severity-output"
  while (received.ends_with('\n')) received.remove_suffix(1);
  if (received.empty()) return answer;
  for (const std::string_view line : split(received, '\n')) {
    const bool is_message = has_severity(line);
    if (is_message && line[1] <= '3') answer.is_refused = true;
    answer.text += is_message ? line.substr(5) : line;
    answer.text += '\n';
  }
  return answer;
}

Result<Answer> ask(const SocketAddress& socket, std::string_view command) {
  const FileDescriptor fd(::socket(socket.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return system_failure(socket);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  std::string received;
  if (::connect(fd.get(), socket.data(), socket.size()) != 0 ||
      !send_all(fd.get(), fmt::format("set severity-output number;{}\n", command)) ||
      !receive_all(fd.get(), received))
    return system_failure(socket);
  if (received.empty()) return fail(socket.text() + ": closed without an answer");
  return parse_answer(received);
}

}  // namespace tandem::ctl
