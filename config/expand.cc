#include "config/expand.h"

#include "common/text.h"
#include "config/files.h"

#include <fmt/format.h>

#include <algorithm>

namespace tandem::config {
namespace {

bool is_variable_name(std::string_view name) {
  const auto letter = [](char c) { return c == '_' || (to_lower(c) >= 'a' && to_lower(c) <= 'z'); };
  const auto good = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && letter(name.front()) && std::all_of(name.begin(), name.end(), good);
}

/// Where the secret `name` is: beside the configuration, else among systemd's credentials.
std::string secret_path(std::string_view name, std::string_view config_file,
                        const Environment& environment) {
  const std::string near = beside(config_file, name);
  const auto folder = environment.variable("CREDENTIALS_DIRECTORY");
  if (exists(near) || !folder || name.starts_with('/')) return near;
  return fmt::format("{}/{}", *folder, name);
}

Result<void> append_file(std::string_view name, std::string_view config_file,
                         const Environment& environment, Expanded& out) {
  const std::string path = secret_path(name, config_file, environment);
  auto file = read_whole(path, kSecretBytesMax);
  if (!file)
    return fail(fmt::format("cannot read the secret file {}: {}", path, file.error().message));
  if ((file->mode & kReadableByOthers) != 0)
    out.warnings.push_back(fmt::format(
        "others can read the secret file {} (mode {:03o}): chmod 600", path, file->mode & 0777U));
  std::string_view text = file->text;
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  out.text.append(text);
  out.secret = true;
  return {};
}

Result<void> append_variable(std::string_view reference, const Environment& environment,
                             Expanded& out) {
  const std::size_t dash = reference.find(":-");
  const std::string_view name = reference.substr(0, dash);
  if (!is_variable_name(name))
    return fail(
        fmt::format("\"${{{}}}\" is not ${{NAME}}, ${{NAME:-default}} or ${{file:name}}; a "
                    "plain \"${{\" is written \"$${{\"",
                    reference));
  const auto value = environment.variable(name);
  if (dash != std::string_view::npos) {
    out.text.append(value && !value->empty() ? std::string_view(*value)
                                             : reference.substr(dash + 2));
    return {};
  }
  if (!value)
    return fail(
        fmt::format("the variable {0} is not set; set it or write ${{{0}:-default}}", name));
  out.text.append(*value);
  return {};
}

}  // namespace

Result<Expanded> expand(std::string_view text, std::string_view config_file,
                        const Environment& environment) {
  Expanded out;
  for (;;) {
    const std::size_t start = text.find("${");
    out.text.append(text.substr(0, start));
    if (start == std::string_view::npos) return out;
    if (start > 0 && text[start - 1] == '$') {
      out.text.append("{");
      text.remove_prefix(start + 2);
      continue;
    }
    const std::size_t end = text.find('}', start);
    if (end == std::string_view::npos) return fail("\"${\" is never closed: \"}\" is missing");
    const std::string_view reference = text.substr(start + 2, end - start - 2);
    const auto done = reference.starts_with("file:")
                          ? append_file(reference.substr(5), config_file, environment, out)
                          : append_variable(reference, environment, out);
    if (!done) return std::unexpected(done.error());
    text.remove_prefix(end + 1);
  }
}

}  // namespace tandem::config
