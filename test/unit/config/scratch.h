// A folder of its own for each test, an environment without surprises, and problems as text.
#pragma once

#include "config/environment.h"
#include "config/problem.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::config {

/// Removed with everything in it.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "tandem-config-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::filesystem::remove_all(path_); }

  /// Writes a file, with its folders; its path.
  std::string write(std::string_view name, std::string_view text, mode_t mode = 0600) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    ::chmod(file.c_str(), mode);
    return file.string();
  }
  [[nodiscard]] std::string path(std::string_view name = "") const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

/// Two CPUs, host "lb1"; resolves "app.example:PORT" to 192.0.2.7 and nothing else.
inline Environment test_environment(
    std::map<std::string, std::string, std::less<>> variables = {}) {
  Environment environment;
  environment.variable =
      [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  environment.resolve = [](std::string_view text) -> Result<SocketAddress> {
    if (text.starts_with("app.example:"))
      return SocketAddress::parse("192.0.2.7" + std::string(text.substr(11)));
    return fail("cannot resolve the name: unknown");
  };
  environment.host_name = "lb1";
  environment.cpus = 2;
  return environment;
}

/// Each problem as "file:line:column: /pointer: message", the scratch folder cut off.
inline std::vector<std::string> texts(const Problems& problems, const Scratch& scratch) {
  std::vector<std::string> result;
  for (const Problem& problem : problems) {
    std::string text = problem.text();
    const std::string folder = scratch.path();
    for (std::size_t at = text.find(folder); at != std::string::npos; at = text.find(folder))
      text.erase(at, folder.size());
    result.push_back(std::move(text));
  }
  return result;
}

}  // namespace tandem::config
