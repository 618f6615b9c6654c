#include "lb/route/host_pattern.h"

#include "common/text.h"

namespace tandem::lb::route {
namespace {

std::string_view without_port(std::string_view authority) noexcept {
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return end == std::string_view::npos ? authority : authority.substr(0, end + 1);
  }
  return authority.substr(0, authority.find(':'));
}

}  // namespace

std::string_view host_of(std::string_view authority) noexcept {
  // A client that writes "allowed@other" must not be read as "allowed". memchr() is quick to say
  // that there is none, as always.
  if (authority.find('@') != std::string_view::npos) {
    authority.remove_prefix(authority.rfind('@') + 1);
  }
  std::string_view host = without_port(authority);
  // "example.org." is the same name, and must not be a way round a rule.
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool is_wildcard(std::string_view pattern) noexcept { return pattern.starts_with("*."); }

bool host_matches(std::string_view pattern, std::string_view host) noexcept {
  if (!is_wildcard(pattern)) return equals_ignoring_case(pattern, host);
  const std::string_view suffix = pattern.substr(1);  // with its dot
  return host.size() > suffix.size() &&
         equals_ignoring_case(host.substr(host.size() - suffix.size()), suffix);
}

}  // namespace tandem::lb::route
