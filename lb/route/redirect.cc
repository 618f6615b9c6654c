#include "lb/route/redirect.h"

#include <algorithm>

namespace tandem::lb::route {
namespace {

bool is_safe_in_uri(char c) noexcept {
  return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\';
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_safe_in_uri(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

/// reg-name, IP literal and port of RFC 3986 section 3.2; user information is left out on purpose.
bool is_authority(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_safe_in_uri(c) && std::string_view("/?#@`^{|}").find(c) == std::string_view::npos;
  });
}

/// The uri as it is appended: it begins with one "/" at least, so that it can only ever extend the
/// path of what stands before it, never its host.
std::string uri_of(const RedirectRequest& request, bool drop_query) {
  std::string_view uri = request.path_with_query;
  if (drop_query) uri = uri.substr(0, uri.find('?'));
  std::string result;
  result.reserve(uri.size() + 16);
  if (!uri.starts_with('/')) result += '/';
  append_encoded(result, uri);
  return result;
}

}  // namespace

std::optional<std::string> redirect_location(const config::Redirect& redirect,
                                             const RedirectRequest& request) {
  std::string location;
  switch (redirect.kind) {
    case config::Redirect::Kind::kLocation:
      append_encoded(location, redirect.value);
      return location;
    case config::Redirect::Kind::kScheme:
      if (!is_authority(request.authority)) return std::nullopt;
      append_encoded(location, redirect.value);
      location.append("://").append(request.authority);
      break;
    case config::Redirect::Kind::kPrefix:
      if (redirect.value != "/") append_encoded(location, redirect.value);
      break;
  }
  const std::string uri = uri_of(request, redirect.drop_query);
  const std::size_t first = location.empty() ? std::min(uri.find_first_not_of('/'), uri.size()) : 1;
  return location.append(uri, first - 1);
}

}  // namespace tandem::lb::route
