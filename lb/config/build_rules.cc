// "rules" of a frontend.
#include "common/text.h"
#include "config/files.h"
#include "config/shape.h"
#include "lb/config/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tandem::lb::config {
namespace {

std::vector<std::string> strings(const Place& place) {
  std::vector<std::string> result;
  for (const Place& element : one_or_list(place))
    if (element.value->type == jsonc::Type::kString) result.push_back(element.value->text);
  return result;
}

void check_host(const BuildContext& context, const Place& at) {
  if (at.value->type != jsonc::Type::kString) return;
  std::string_view host = at.value->text;
  if (host.starts_with("*.")) host.remove_prefix(2);
  if (host.find('*') != std::string_view::npos)
    context.error(
        at, fmt::format("{}: \"*\" stands only in front: \"*.example.org\"", quoted(*at.value)));
  const bool ipv6 = host.starts_with('[') && host.ends_with(']');
  if (!ipv6 && host.find_first_of(":/ ") != std::string_view::npos)
    context.error(at, fmt::format("{}: a host name alone is expected, without port and path",
                                  quoted(*at.value)));
}

void check_name_end(const BuildContext& context, const Place& at) {
  if (at.value->type != jsonc::Type::kString) return;
  if (at.value->text.find_first_of("*:/ ") != std::string_view::npos)
    context.error(at, fmt::format("{}: how a host name ends is expected, such as \".example.org\"",
                                  quoted(*at.value)));
}

/// Of the hello of TLS that is passed on.
void build_hello_conditions(const BuildContext& context, const Place& place, Conditions& out) {
  for (const Place& name : one_or_list(place.child("req.ssl_sni"))) check_host(context, name);
  for (const Place& end : one_or_list(place.child("req.ssl_sni_end"))) check_name_end(context, end);
  for (const std::string& name : strings(place.child("req.ssl_sni")))
    out.ssl_sni.push_back(to_lower_copy(name));
  for (const std::string& end : strings(place.child("req.ssl_sni_end")))
    out.ssl_sni_end.push_back(to_lower_copy(end));
  out.ssl_alpn = strings(place.child("req.ssl_alpn"));
}

Conditions build_conditions(const BuildContext& context, const Place& place) {
  Conditions result;
  for (const Place& host : one_or_list(place.child("host"))) check_host(context, host);
  for (const std::string& host : strings(place.child("host")))
    result.host.push_back(to_lower_copy(host));
  result.path = strings(place.child("path"));
  result.path_beg = strings(place.child("path_beg"));
  result.path_end = strings(place.child("path_end"));
  result.method = strings(place.child("method"));
  if (const Place encrypted = place.child("ssl_fc")) read(encrypted, result.ssl_fc.emplace());
  build_hello_conditions(context, place, result);
  return result;
}

bool is_always(const Place& conditions) {
  if (!conditions) return true;
  const Place negated = conditions.child("not");
  const std::size_t own = conditions.value->members.size() - (negated ? 1 : 0);
  return own == 0 && (!negated || negated.value->members.empty());
}

std::optional<Action> build_redirect(const BuildContext& context, const Place& place) {
  constexpr Word<Redirect::Kind> kKinds[] = {{"scheme", Redirect::Kind::kScheme},
                                             {"prefix", Redirect::Kind::kPrefix},
                                             {"location", Redirect::Kind::kLocation}};
  Redirect redirect{.kind = Redirect::Kind::kLocation, .value = {}, .code = 302};
  for (const auto& [word, kind] : kKinds) {
    const Place at = place.child(word);
    if (!at) continue;
    redirect.kind = kind;
    read(at, redirect.value);
    // A blank would end the address early in the client's eyes.
    if (is_one_line(redirect.value) && redirect.value.find(' ') != std::string::npos)
      context.error(at, fmt::format("{}: an address holds no blank", quoted(*at.value)));
  }
  read(place.child("code"), redirect.code);
  read(place.child("drop-query"), redirect.drop_query);
  if (redirect.drop_query && redirect.kind != Redirect::Kind::kPrefix)
    context.error(place.child("drop-query"), "has a meaning beside \"prefix\" only");
  return redirect;
}

void build_headers(const BuildContext& context, const Place& place, Return& out) {
  constexpr std::array<std::string_view, 4> kOwn = {"content-length", "transfer-encoding",
                                                    "connection", "content-type"};
  const Place headers = place.child("hdr");
  if (!headers) return;
  for (const jsonc::Member& member : headers.value->members) {
    const Place at = headers.child(member.key);
    const std::string_view value = member.value.text;
    if (std::find(kOwn.begin(), kOwn.end(), to_lower_copy(member.key)) != kOwn.end())
      context.error(at, fmt::format("\"{}\" is not set here: tandem makes it itself", member.key));
    else if (!std::all_of(value.begin(), value.end(), [](char c) {
               return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
             }))
      context.error(at, "a header's value is one line, without control characters");
    out.headers.emplace_back(member.key, value);
  }
}

std::optional<Action> build_return(const BuildContext& context, const Place& place) {
  Return result{.status = 200, .content_type = "text/plain", .body = {}, .headers = {}};
  read(place.child("status"), result.status);
  read(place.child("content-type"), result.content_type);
  read(place.child("string"), result.body);
  const Place file = place.child("file");
  if (file && place.child("string"))
    context.error(file, "\"file\" and \"string\" exclude each other: keep one");
  else if (file)
    result.body = context.file(file, kReturnFileBytesMax).value_or("");
  if (!result.body.empty() && (result.status == 204 || result.status == 304))
    context.error(place, fmt::format("an answer {} has no body: leave it out", result.status));
  build_headers(context, place, result);
  return result;
}

std::optional<Action> build_action(BuildContext& context, const Place& rule) {
  if (const Place at = rule.child("use_backend")) {
    const auto backend = context.backend(at);
    return backend ? std::optional<Action>(UseBackend{*backend}) : std::nullopt;
  }
  if (const Place at = rule.child("redirect")) return build_redirect(context, at);
  if (const Place at = rule.child("return")) return build_return(context, at);
  return std::nullopt;
}

}  // namespace

void build_rules(BuildContext& context, const Place& rules, Frontend& out) {
  if (!rules || rules.value->type != jsonc::Type::kArray) return;
  bool reached = true;
  std::size_t header_bytes = 0;
  for (const Place& place : one_or_list(rules)) {
    if (place.value->type != jsonc::Type::kObject) continue;
    if (!reached) context.warning(place, "never reached: a rule before it has no condition");
    const Place conditions = place.child("if");
    Conditions positive = build_conditions(context, conditions);
    Conditions negated = build_conditions(context, conditions.child("not"));
    if (auto action = build_action(context, place)) {
      reached = reached && !is_always(conditions);
      out.rules.push_back({.conditions = std::move(positive),
                           .negated = std::move(negated),
                           .action = std::move(*action)});
      continue;
    }
    HeaderEdits headers = build_header_edits(context, place);
    if (headers.edits.empty()) continue;
    header_bytes += headers.bytes_max;
    if (header_bytes > kHeaderEditBytesMax)
      context.error(place, fmt::format("with it the headers that these rules write may be longer "
                                       "than {} KiB: write fewer",
                                       kHeaderEditBytesMax / 1024));
    out.header_rules.push_back({.conditions = std::move(positive),
                                .negated = std::move(negated),
                                .rules_before = out.rules.size(),
                                .edits = std::move(headers.edits)});
  }
}

}  // namespace tandem::lb::config
