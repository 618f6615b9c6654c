// HeaderEdits: what the rules that matched change in one request's headers. The values are made
// once, so that every attempt at a server sends the same.
#pragma once

#include "common/address.h"
#include "http/h1_encoder.h"
#include "lb/config/header_rule.h"
#include "lb/tls/stream.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::proxy {

class ClientSide;

/// Thread: the worker's. Names are not copied: they are the configuration's. Used again for later
/// requests, without allocating for those that are no larger.
class HeaderEdits {
 public:
  void clear() noexcept;

  void apply(const config::HeaderEdit& edit, ClientSide& client);
  /// A header that the proxy adds by itself; `name` outlives the request.
  void add(std::string_view name, std::string_view value);
  /// The server does not see it; `name` outlives the request.
  void remove(std::string_view name);

  /// Into `edits`, which refers to this object until it changes.
  void fill(http::RequestEdits& edits);

  /// What the server sees first of a header of which the request itself says `own`.
  [[nodiscard]] std::optional<std::string_view> seen(
      std::string_view name, std::optional<std::string_view> own) const noexcept;

 private:
  struct Added {
    std::string_view name;
    std::uint32_t offset;  // in text_
    std::uint32_t length;
  };

  void append(const config::ValuePart& part, ClientSide& client);
  void drop_added(std::string_view name);
  [[nodiscard]] std::string_view text_of(const Added& added) const noexcept {
    return std::string_view(text_).substr(added.offset, added.length);
  }

  std::string text_;  // all values
  std::vector<Added> added_;
  std::optional<Added> authority_;  // "set-header" of Host
  std::vector<std::string_view> removed_;
  std::vector<http::AddedField> fields_;  // what fill() gives out
};

}  // namespace tandem::lb::proxy
