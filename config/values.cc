#include "config/values.h"

#include "common/text.h"
#include "config/policies.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace tandem::config {
namespace {

constexpr std::size_t kNameLengthMax = 128;
constexpr std::uint64_t kRandomDrawsMax = 64;

bool is_letter_or_digit(char c) {
  const char lower = to_lower(c);
  return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z');
}

bool contains(std::string_view characters, char c) {
  return characters.find(c) != std::string_view::npos;
}

/// The text between "(" and ")" after `word`; nullopt: `text` is not of that form.
std::optional<std::string_view> argument_of(std::string_view text, std::string_view word) {
  if (!text.starts_with(word)) return std::nullopt;
  text.remove_prefix(word.size());
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') return std::nullopt;
  return text.substr(1, text.size() - 2);
}

std::vector<std::string_view> policy_names() {
  std::vector<std::string_view> names;
  for (const BalancePolicy& policy : kBalancePolicies) names.push_back(policy.name);
  return names;
}

Error unknown_policy(std::string_view text) {
  const auto names = policy_names();
  std::string message =
      fmt::format("there is no policy of this name; one of {} is expected", fmt::join(names, ", "));
  if (const auto near = nearest(text, names))
    message += fmt::format("; did you mean \"{}\"?", *near);
  return Error{std::move(message)};
}

struct HashWord {
  std::string_view word;
  Balance::Key key;
  bool whole;
};
constexpr std::array kPlainKeys = {HashWord{"src", Balance::Key::kSource, false},
                                   HashWord{"path", Balance::Key::kUri, false},
                                   HashWord{"pathq", Balance::Key::kUri, true}};
constexpr std::array kNamedKeys = {HashWord{"hdr", Balance::Key::kHeader, false},
                                   HashWord{"cookie", Balance::Key::kCookie, false},
                                   HashWord{"url_param", Balance::Key::kQuery, false}};

}  // namespace

std::optional<Milliseconds> read_duration(std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration) return std::nullopt;
  return std::chrono::ceil<Milliseconds>(*duration);
}

Result<Balance> read_balance(std::string_view text) {
  Balance balance;
  if (const auto draws = argument_of(text, "random")) {
    const auto count = parse_decimal(*draws);
    if (!count || *count == 0 || *count > kRandomDrawsMax)
      return fail(fmt::format("random draws 1 to {} servers: \"random(2)\"", kRandomDrawsMax));
    balance.policy = "random";
    balance.random_draws = static_cast<std::uint32_t>(*count);
    return balance;
  }
  balance.uri_whole = text == "uri whole";
  balance.policy = balance.uri_whole ? "uri" : text;
  const auto names = policy_names();
  if (std::find(names.begin(), names.end(), balance.policy) == names.end())
    return std::unexpected(unknown_policy(text));
  if (balance.policy == "source") balance.key = Balance::Key::kSource;
  if (balance.policy == "uri") balance.key = Balance::Key::kUri;
  return balance;
}

Result<void> read_hash_key(std::string_view text, Balance& balance) {
  for (const HashWord& plain : kPlainKeys) {
    if (text != plain.word) continue;
    balance.key = plain.key;
    balance.uri_whole = plain.whole;
    return {};
  }
  for (const HashWord& named : kNamedKeys) {
    const auto name = argument_of(text, named.word);
    if (!name) continue;
    const bool header = named.key == Balance::Key::kHeader;
    if (!is_token(*name)) return fail(fmt::format("a name is expected in {}(NAME)", named.word));
    balance.key = named.key;
    balance.key_name = header ? to_lower_copy(*name) : std::string(*name);
    return {};
  }
  return fail("one of src, path, pathq, hdr(NAME), cookie(NAME), url_param(NAME) is expected");
}

std::optional<std::pair<int, int>> read_status_range(const jsonc::Value& value) {
  const std::string_view text = value.text;  // a number keeps its digits there
  if (value.type != jsonc::Type::kNumber && value.type != jsonc::Type::kString) return std::nullopt;
  const std::size_t dash = text.find('-');
  const auto low = parse_decimal(text.substr(0, dash));
  const auto high = dash == std::string_view::npos ? low : parse_decimal(text.substr(dash + 1));
  if (!low || !high || *low < 100 || *high > 599 || *low > *high) return std::nullopt;
  return std::pair(static_cast<int>(*low), static_cast<int>(*high));
}

std::optional<std::uint32_t> read_file_mode(std::string_view text) {
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc{} || end != text.data() + text.size() || mode > 0777) return std::nullopt;
  return mode;
}

std::optional<LogTarget> read_log_target(std::string_view text) {
  using enum LogTarget::Kind;
  if (text == "stdout") return LogTarget{kStdout, {}};
  if (text == "stderr") return LogTarget{kStderr, {}};
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return std::nullopt;
  const std::string_view kind = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 1);
  if (kind == "file") return LogTarget{kFile, rest};
  if (kind == "syslog") return LogTarget{kSyslog, rest};
  return std::nullopt;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || contains("!#$%&'*+-.^_`|~", c);
  });
}

bool is_name(std::string_view text, Names names) noexcept {
  if (names == Names::kHeader) return is_token(text);
  if (names == Names::kStatus) {
    const auto status = parse_decimal(text);
    return status && text.size() == 3 && *status >= 400 && *status <= 599;
  }
  const std::string_view marks = names == Names::kUser ? "._-" : "._:-";
  return !text.empty() && text.size() <= kNameLengthMax &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_letter_or_digit(c) || contains(marks, c); });
}

bool is_one_line(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

std::vector<std::string_view> words_of(std::string_view words) {
  if (words.empty()) return {};
  return split(words, ' ');
}

}  // namespace tandem::config
