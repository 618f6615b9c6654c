// "check" of a backend.
#include "common/check.h"
#include "lb/config/build.h"
#include "lb/tls/client_context.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace tandem::lb::config {
namespace {

constexpr Word<Check::Type> kTypes[] = {
    {"tcp", Check::Type::kTcp},     {"tls", Check::Type::kTls},     {"http", Check::Type::kHttp},
    {"grpc", Check::Type::kGrpc},   {"pgsql", Check::Type::kPgsql}, {"mysql", Check::Type::kMysql},
    {"redis", Check::Type::kRedis}, {"smtp", Check::Type::kSmtp}};

constexpr Word<Check::Role> kRoles[] = {{"primary", Check::Role::kPrimary},
                                        {"master", Check::Role::kPrimary},
                                        {"replica", Check::Role::kReplica}};

/// Which kinds of checks read a key.
struct KeyUse {
  std::string_view key;
  std::string_view types;
};
constexpr KeyUse kKeyUses[] = {
    {"steps", "tcp"},      {"method", "http"},          {"uri", "http"},
    {"host", "http grpc"}, {"expect", "http"},          {"user", "pgsql mysql redis"},
    {"database", "pgsql"}, {"password", "pgsql redis"}, {"role", "pgsql redis"},
    {"hello", "smtp"},     {"domain", "smtp"},          {"service", "grpc"},
};

/// Empty: `digits` are not two for each byte.
std::string read_hex(std::string_view digits) {
  std::string bytes;
  for (; digits.size() >= 2; digits.remove_prefix(2)) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + 2, value, 16);
    if (error != std::errc{} || end != digits.data() + 2) return {};
    bytes += static_cast<char>(value);
  }
  return digits.empty() ? bytes : std::string();
}

void build_step(const BuildContext& context, const Place& step, std::vector<CheckStep>& out) {
  constexpr Word<CheckStep::Kind> kKinds[] = {{"send", CheckStep::Kind::kSend},
                                              {"send-hex", CheckStep::Kind::kSend},
                                              {"expect", CheckStep::Kind::kExpect},
                                              {"expect-hex", CheckStep::Kind::kExpect}};
  for (const auto& [key, kind] : kKinds) {
    const Place at = step.child(key);
    std::string bytes;
    read(at, bytes);
    if (!at) continue;
    const bool is_hex = key.ends_with("-hex");
    if (is_hex) bytes = read_hex(bytes);
    if (bytes.empty())
      context.error(
          at, is_hex ? "two hexadecimal digits for each byte are expected" : "must not be empty");
    out.push_back({.kind = kind, .bytes = std::move(bytes)});
  }
}

void build_expect(const Place& expect, Check& out) {
  read(expect.child("string"), out.expect_body);
  const Place status = expect.child("status");
  if (!status) return;
  out.expect_status.clear();
  for (const Place& element : one_or_list(status))
    if (const auto range = read_status_range(*element.value)) out.expect_status.push_back(*range);
}

/// Keys that this kind of check does not read.
void check_keys(const BuildContext& context, const Place& check, std::string_view type) {
  for (const auto& [key, types] : kKeyUses) {
    const auto users = words_of(types);
    if (const Place at = check.child(key);
        at && std::find(users.begin(), users.end(), type) == users.end())
      context.error(at, fmt::format("\"{}\" needs \"type\": \"{}\" beside it", key,
                                    fmt::join(users, "\" or \"")));
  }
}

void check_login(const BuildContext& context, const Place& check, std::string_view type) {
  if (type == "pgsql" && !check.child("user"))
    context.error(check, "\"type\": \"pgsql\" needs the key \"user\": who logs in to be checked");
  if (const Place user = check.child("user"); user && type == "redis" && !check.child("password"))
    context.error(user, "\"user\" needs \"password\" beside it");
  const std::string_view foreign = type == "pgsql" ? "master" : "primary";
  if (const Place role = check.child("role");
      role && role.value->text == foreign && (type == "pgsql" || type == "redis"))
    context.error(role, fmt::format("with \"type\": \"{}\" this role is called \"{}\"", type,
                                    type == "pgsql" ? "primary" : "master"));
}

/// For servers without "ssl": that one answers in TLS is all that is asked, whoever it is.
ServerSsl make_blind() {
  ServerSsl blind;
  blind.options.verify = false;
  auto made = tls::ClientContext::make(blind.options);
  TANDEM_CHECK(made.has_value());  // of defaults
  blind.context = std::move(*made);
  return blind;
}

}  // namespace

bool build_check(const BuildContext& context, const Place& check, Check& out) {
  if (!check) return false;
  if (check.value->type == jsonc::Type::kBoolean) return check.value->boolean;
  const Place type = check.child("type");
  read(type, kTypes, out.type);
  for (const Place& step : one_or_list(check.child("steps"))) build_step(context, step, out.steps);
  read(check.child("method"), out.method);
  read(check.child("uri"), out.uri);
  read(check.child("host"), out.host);
  build_expect(check.child("expect"), out);
  read(check.child("user"), out.user);
  read(check.child("password"), out.password);
  read(check.child("database"), out.database);
  read(check.child("role"), kRoles, out.role);
  read(check.child("hello"), out.hello);
  read(check.child("domain"), out.domain);
  read(check.child("service"), out.service);
  if (out.type == Check::Type::kTls) out.blind = make_blind();
  const std::string_view name = type ? std::string_view(type.value->text) : "tcp";
  // Of a type that is none the shape check has said enough.
  if (std::ranges::find(kTypes, name, &Word<Check::Type>::word) == std::end(kTypes)) return true;
  check_keys(context, check, name);
  check_login(context, check, name);
  return true;
}

}  // namespace tandem::lb::config
