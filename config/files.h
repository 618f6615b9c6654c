// Reading the files a configuration consists of or names, with bounds. Blocking.
#pragma once

#include "common/result.h"

#include <sys/stat.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::config {

inline constexpr std::size_t kConfigBytesMax = std::size_t{16} << 20;
inline constexpr std::size_t kSecretBytesMax = std::size_t{64} << 10;
inline constexpr std::size_t kErrorfileBytesMax = std::size_t{64} << 10;
inline constexpr std::size_t kReturnFileBytesMax = std::size_t{1} << 20;

/// Bits of a mode that a file with a secret should not have.
inline constexpr mode_t kReadableByOthers = 044;

struct FileText {
  std::string text;
  mode_t mode = 0;
};

/// The whole of a regular file of at most `bytes_max`. Errors: words for a person, such as
/// "No such file or directory", without the path.
[[nodiscard]] Result<FileText> read_whole(const std::string& path, std::size_t bytes_max);

[[nodiscard]] bool exists(const std::string& path);
[[nodiscard]] bool is_folder(const std::string& path);

/// What is called `pattern` ("*.jsonc") in a folder, in name order; hidden files are left out.
[[nodiscard]] std::vector<std::string> files_of_folder(const std::string& folder,
                                                       std::string_view pattern);

/// What `pattern` matches (glob(7)), in name order; a name without wildcard is itself.
[[nodiscard]] std::vector<std::string> expand_pattern(const std::string& pattern);

/// `name` as seen from the folder of `file`; an absolute `name` is itself.
[[nodiscard]] std::string beside(std::string_view file, std::string_view name);

}  // namespace tandem::config
