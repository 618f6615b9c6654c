#include "config/builder.h"

#include "config/files.h"
#include "config/shape.h"

#include <fmt/format.h>

#include <utility>

namespace tandem::config {

void Builder::error(const Place& at, std::string message) const {
  report.error(at.value->at, at.pointer, std::move(message));
}

void Builder::warning(const Place& at, std::string message) const {
  report.warning(at.value->at, at.pointer, std::move(message));
}

std::optional<SocketAddress> Builder::address(const Place& at) const {
  if (!at || at.value->type != jsonc::Type::kString || at.value->text.empty()) return std::nullopt;
  const std::string& text = at.value->text;
  auto numeric = SocketAddress::parse(text);
  if (numeric) return *numeric;
  // Only a host that is no address is worth a question to the resolver.
  const bool is_name = numeric.error().message == "not an IP address" && !text.starts_with('[');
  if (is_name && !environment.resolve)
    numeric = SocketAddress::parse("0.0.0.0" + text.substr(text.rfind(':')));
  else if (is_name)
    numeric = environment.resolve(text);
  if (numeric) return *numeric;
  error(at, fmt::format("{}: {}", quoted(*at.value), numeric.error().message));
  return std::nullopt;
}

namespace {

std::optional<FileText> read_named(const Builder& builder, const Place& at, std::size_t bytes_max) {
  if (!at || at.value->type != jsonc::Type::kString || at.value->text.empty()) return std::nullopt;
  const std::string path = beside(builder.report.source(at.value->at.source), at.value->text);
  auto read = read_whole(path, bytes_max);
  if (read) return std::move(*read);
  builder.error(at, fmt::format("cannot read {}: {}", at.value->hidden ? quoted(*at.value) : path,
                                read.error().message));
  return std::nullopt;
}

}  // namespace

std::optional<std::string> Builder::file(const Place& at, std::size_t bytes_max) const {
  auto read = read_named(*this, at, bytes_max);
  return read ? std::optional(std::move(read->text)) : std::nullopt;
}

std::optional<std::string> Builder::secret_file(const Place& at, std::size_t bytes_max) const {
  auto read = read_named(*this, at, bytes_max);
  if (!read) return std::nullopt;
  if ((read->mode & kReadableByOthers) != 0)
    warning(at, fmt::format("others can read it (mode {:03o}): chmod 600", read->mode & 0777U));
  return std::move(read->text);
}

bool is_loopback(const SocketAddress& address) {
  const std::string_view bytes = address.ip_bytes();
  if (address.is_unix()) return true;
  if (bytes.size() == 4) return bytes[0] == 127;
  return address.host() == "::1";
}

}  // namespace tandem::config
