// UnixSocketFile: the file of a listening Unix socket: put in place whole, never over one that
// somebody listens on, and taken away again only while it is still ours.
#pragma once

#include "common/address.h"
#include "common/result.h"

#include <sys/stat.h>

#include <optional>
#include <string>
#include <utility>

namespace tandem {

/// Thread: any, one at a time. Destroying it removes the file, unless another process has put its
/// own in its place.
class UnixSocketFile {
 public:
  struct Options {
    int backlog = 64;
    std::optional<mode_t> mode = {};       // none: as the umask has it
    uid_t owner = static_cast<uid_t>(-1);  // -1: whoever binds
    gid_t group = static_cast<gid_t>(-1);
  };

  UnixSocketFile() noexcept = default;
  UnixSocketFile(UnixSocketFile&& other) noexcept
      : path_(std::exchange(other.path_, {})), identity_(other.identity_) {}
  UnixSocketFile& operator=(UnixSocketFile&& other) noexcept;
  ~UnixSocketFile() { remove(); }

  /// Binds `fd`, a Unix socket, to `address` and listens. A socket file that a dead process left
  /// behind is replaced; one that somebody listens on, or a file of another kind, is an error.
  [[nodiscard]] static Result<UnixSocketFile> listen(int fd, const SocketAddress& address,
                                                     const Options& options);

  /// Empty: none.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  void remove() noexcept;

  std::string path_;
  struct stat identity_{};  // of the file at path_
};

}  // namespace tandem
