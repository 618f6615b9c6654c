#include "config/shape.h"

#include "common/ip_address.h"
#include "common/text.h"
#include "common/time.h"
#include "config/expand.h"
#include "config/schema.h"
#include "config/values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tandem::config {
namespace {

using jsonc::Type;
using jsonc::Value;

constexpr std::size_t kQuotedLengthMax = 60;
constexpr std::size_t kKeysListedMax = 10;
constexpr std::string_view kNotSupported = "not supported yet";

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& among) {
  const auto near = nearest(word, among);
  return near ? fmt::format("; did you mean \"{}\"?", *near) : std::string();
}

/// What a value of this kind looks like, for "… is expected".
std::string_view expected(Kind kind) {
  switch (kind) {
    case Kind::kBoolean:
      return "true or false";
    case Kind::kInteger:
    case Kind::kCode:
      return "a whole number";
    case Kind::kDuration:
      return "a duration with its unit (\"250ms\", \"5s\", \"2m\", \"1h\")";
    case Kind::kAddress:
    case Kind::kEndpoint:
      return "an address (\"host:port\")";
    case Kind::kIp:
      return "an address without a port (\"192.0.2.1\")";
    case Kind::kIpPrefix:
      return "an address with its network (\"192.0.2.10/24\")";
    case Kind::kStatusRange:
      return "a status (200) or a range (\"200-399\")";
    case Kind::kSection:
      return "an object";
    default:
      return "a string";
  }
}

bool is_text(Kind kind) {
  return kind != Kind::kBoolean && kind != Kind::kInteger && kind != Kind::kCode &&
         kind != Kind::kStatusRange && kind != Kind::kSection && kind != Kind::kLater;
}

/// What is wrong with a text of this kind; empty: nothing.
std::string fault_of_text(const Key& key, std::string_view text) {
  if (key.kind == Kind::kText) return {};
  if (text.empty()) return "must not be empty";
  if (!is_one_line(text)) return "must be one line, without control characters";
  Balance balance;
  switch (key.kind) {
    case Kind::kHttpPath:
      return text.starts_with('/') && text.find(' ') == std::string_view::npos
                 ? ""
                 : "a path is expected: it begins with \"/\" and holds no blank";
    case Kind::kToken:
      return is_token(text) ? "" : "letters, digits and \"-\" are expected, no blank";
    case Kind::kFileMode:
      return read_file_mode(text) ? "" : "permissions in octal are expected, \"000\" to \"777\"";
    case Kind::kLogTarget:
      return read_log_target(text)
                 ? ""
                 : "\"stdout\", \"stderr\", \"file:PATH\" or \"syslog:ADDRESS\" is expected";
    case Kind::kIp:
      if (const auto read = IpAddress::parse(text); !read) return read.error().message;
      return {};
    case Kind::kIpPrefix:
      if (const auto read = IpPrefix::parse(text); !read) return read.error().message;
      return {};
    case Kind::kBalance:
      if (const auto read = read_balance(text); !read) return read.error().message;
      return {};
    case Kind::kHashKey:
      if (const auto read = read_hash_key(text, balance); !read) return read.error().message;
      return {};
    default:
      return {};
  }
}

std::string range_text(const Key& key) {
  if (key.kind == Kind::kDuration)
    return fmt::format("{} to {}", format_duration(Milliseconds(key.min)),
                       format_duration(Milliseconds(key.max)));
  return fmt::format("{}{} to {}", key.or_zero ? "0 or " : "", key.min, key.max);
}

class Checker {
 public:
  Checker(const Environment& environment, Report& report)
      : environment_(environment), report_(report) {}

  void section(const Section& section, Value& object, const std::string& pointer) {
    for (jsonc::Member& member : object.members) {
      const std::string child = jsonc::child_pointer(pointer, member.key);
      const Key* key = section.find(member.key);
      if (key == nullptr)
        report_.error(member.at, child, unknown_key(section, member.key));
      else if (key->kind == Kind::kLater)
        report_.error(member.at, child, fmt::format("\"{}\" is {}", key->name, kNotSupported));
      else
        shaped(*key, member.value, child);
    }
    for (const Key& key : section.keys)
      if (key.required && object.find(key.name) == nullptr)
        report_.error(object.at, pointer, fmt::format("\"{}\" is missing", key.name));
    if (!section.one_of.empty()) exactly_one(section, object, pointer);
  }

 private:
  /// Says nothing beside a key that has been refused: that may have been the one.
  void exactly_one(const Section& section, const Value& object, const std::string& pointer) {
    const auto alternatives = words_of(section.one_of);
    int found = 0;
    for (const jsonc::Member& member : object.members) {
      const Key* key = section.find(member.key);
      if (key == nullptr || key->kind == Kind::kLater) return;
      found += static_cast<int>(std::count(alternatives.begin(), alternatives.end(), member.key));
    }
    if (found != 1)
      report_.error(object.at, pointer,
                    fmt::format("exactly one of \"{}\" is expected, not {}",
                                fmt::join(alternatives, "\", \""), found));
  }

  static std::string unknown_key(const Section& section, std::string_view name) {
    std::vector<std::string_view> known;
    for (const Key& key : section.keys) known.push_back(key.name);
    std::string message = fmt::format("unknown key \"{}\"", name);
    const auto home = std::ranges::find_if(
        all_sections(), [name](const Section* other) { return other->find(name) != nullptr; });
    const bool is_elsewhere = home != all_sections().end();
    // A slip seldom hits the first letter: "retries" is no misspelt "metrics", it is misplaced.
    const auto meant = nearest(name, known);
    if (meant && (!is_elsewhere || meant->front() == name.front()))
      return message + did_you_mean(name, known);
    if (is_elsewhere) return message + fmt::format(" here; it belongs in \"{}\"", (*home)->name);
    if (known.size() <= kKeysListedMax)
      return message + fmt::format("; known here: {}", fmt::join(known, ", "));
    return message + "; docs/CONFIGURATION.md lists those of " +
           fmt::format("\"{}\"", section.name);
  }

  void wrong_type(const Key& key, const Value& value, const std::string& pointer,
                  std::string_view wanted) {
    std::string message = fmt::format("{} is expected, not {}", wanted, type_name(value.type));
    if (key.kind == Kind::kDuration && value.type == Type::kNumber)
      message = fmt::format("a duration needs a unit; did you mean \"{}ms\" or \"{}s\"?",
                            value.text, value.text);
    report_.error(value.at, pointer, std::move(message));
  }

  /// The arrays and names around a value.
  void shaped(const Key& key, Value& value, const std::string& pointer) {
    if (key.or_boolean && value.type == Type::kBoolean) return;
    if (key.shape == Shape::kNamed) return named(key, value, pointer);
    if (key.shape == Shape::kOne) return one(key, value, pointer);
    if (value.type != Type::kArray) {
      if (key.shape == Shape::kOneOrList) return one(key, value, pointer);
      return wrong_type(key, value, pointer, "an array");
    }
    if (value.items.empty() && key.shape == Shape::kOneOrList)
      report_.error(value.at, pointer, "must not be empty: leave the key out instead");
    for (std::size_t i = 0; i < value.items.size(); ++i)
      one(key, value.items[i], jsonc::child_pointer(pointer, i));
  }

  void named(const Key& key, Value& value, const std::string& pointer) {
    if (value.type != Type::kObject)
      return wrong_type(key, value, pointer, "an object of names to values");
    for (jsonc::Member& member : value.members) {
      const std::string child = jsonc::child_pointer(pointer, member.key);
      if (!is_name(member.key, key.names)) report_.error(member.at, child, bad_name(key.names));
      one(key, member.value, child);
    }
  }

  static std::string bad_name(Names names) {
    switch (names) {
      case Names::kStatus:
        return "a status code from 400 to 599 is expected as the name";
      case Names::kHeader:
        return "a header name is expected: letters, digits and \"-\"";
      case Names::kUser:
        return "a user name has 1 to 128 letters, digits, \".\", \"_\" and \"-\"";
      case Names::kIdentifier:
        break;
    }
    return "a name has 1 to 128 letters, digits, \".\", \"_\", \":\" and \"-\"";
  }

  void one(const Key& key, Value& value, const std::string& pointer) {
    if (value.type == Type::kString && !expand_string(value, pointer)) return;
    if (key.kind == Kind::kSection) return object(key, value, pointer);
    if (is_text(key.kind)) return text(key, value, pointer);
    if (key.kind == Kind::kStatusRange) {
      if (!read_status_range(value))
        report_.error(value.at, pointer,
                      fmt::format("{} is expected, from 100 to 599", expected(key.kind)));
    } else if (key.kind == Kind::kBoolean) {
      if (value.type != Type::kBoolean) wrong_type(key, value, pointer, expected(key.kind));
    } else {
      integer(key, value, pointer);
    }
  }

  bool expand_string(Value& value, const std::string& pointer) {
    auto expanded = expand(value.text, report_.source(value.at.source), environment_);
    if (!expanded) {
      report_.error(value.at, pointer, std::move(expanded.error().message));
      return false;
    }
    for (std::string& warning : expanded->warnings)
      report_.warning(value.at, pointer, std::move(warning));
    value.hidden = expanded->secret;
    value.text = std::move(expanded->text);
    return true;
  }

  void object(const Key& key, Value& value, const std::string& pointer) {
    if (value.type == Type::kObject) return section(*key.section, value, pointer);
    if (key.or_endpoint && value.type == Type::kString) return text(key, value, pointer);
    wrong_type(key, value, pointer,
               key.or_endpoint  ? "an address (\"host:port\") or an object"
               : key.or_boolean ? "an object, true or false"
                                : "an object");
  }

  void text(const Key& key, const Value& value, const std::string& pointer) {
    if (value.type != Type::kString) {
      // In a list there is no place for them.
      const bool may_be_boolean = key.or_boolean && value.type != Type::kBoolean;
      const std::string_view suffix = may_be_boolean ? ", true or false" : "";
      return wrong_type(key, value, pointer, fmt::format("{}{}", expected(key.kind), suffix));
    }
    if (key.kind == Kind::kDuration) return duration(key, value, pointer);
    if (key.kind == Kind::kWord) return word(key, value, pointer);
    std::string fault = fault_of_text(key, value.text);
    if (fault.empty()) return;
    const bool show = key.kind != Kind::kSecret && !value.text.empty() && is_one_line(value.text);
    report_.error(value.at, pointer, show ? fmt::format("{}: {}", quoted(value), fault) : fault);
  }

  void duration(const Key& key, const Value& value, const std::string& pointer) {
    const auto read = read_duration(value.text);
    if (!read)
      return report_.error(
          value.at, pointer,
          fmt::format("{} is expected, not {}", expected(key.kind), quoted(value)));
    if (read->count() < key.min || read->count() > key.max)
      report_.error(value.at, pointer,
                    fmt::format("{} is out of range: {}", quoted(value), range_text(key)));
  }

  void word(const Key& key, const Value& value, const std::string& pointer) {
    const auto words = words_of(key.words);
    if (std::find(words.begin(), words.end(), value.text) != words.end()) return;
    for (const std::string_view future : words_of(key.later)) {
      const bool matches =
          future.ends_with(':') ? value.text.starts_with(future) : value.text == future;
      if (!matches) continue;
      return report_.error(value.at, pointer,
                           fmt::format("\"{}\": {} is {}", key.name, quoted(value), kNotSupported));
    }
    report_.error(value.at, pointer,
                  fmt::format("{} is not one of {}{}", quoted(value), fmt::join(words, ", "),
                              value.hidden ? "" : did_you_mean(value.text, words)));
  }

  void integer(const Key& key, const Value& value, const std::string& pointer) {
    if (value.type != Type::kNumber) return wrong_type(key, value, pointer, expected(key.kind));
    if (key.kind == Kind::kCode) {
      const auto codes = words_of(key.words);
      if (std::find(codes.begin(), codes.end(), value.text) == codes.end())
        report_.error(value.at, pointer,
                      fmt::format("{} is not one of {}", quoted(value), fmt::join(codes, ", ")));
      return;
    }
    const auto number = value.integer();
    const bool fraction = !number && value.text.find_first_of(".eE") != std::string::npos;
    if (fraction)
      report_.error(value.at, pointer,
                    fmt::format("a whole number is expected, not {}", quoted(value)));
    else if (!number ||
             ((*number < key.min || *number > key.max) && !(key.or_zero && *number == 0)))
      report_.error(value.at, pointer,
                    fmt::format("{} is out of range: {}", quoted(value), range_text(key)));
  }

  const Environment& environment_;
  Report& report_;
};

}  // namespace

std::string quoted(const jsonc::Value& value) {
  if (value.hidden) return "\"***\"";
  std::string_view text = value.text;
  const bool cut = text.size() > kQuotedLengthMax;
  if (cut) {
    text = text.substr(0, kQuotedLengthMax);
    // Not in the middle of a character.
    while (!text.empty() && (static_cast<unsigned char>(value.text[text.size()]) & 0xC0U) == 0x80U)
      text.remove_suffix(1);
  }
  const std::string_view mark = value.type == Type::kString ? "\"" : "";
  return fmt::format("{}{}{}{}", mark, text, cut ? "…" : "", mark);
}

void check_shape(jsonc::Value& root, const Environment& environment, Report& report) {
  if (root.type != Type::kObject)
    return report.error(root.at, "",
                        fmt::format("the file holds one object, not {}", type_name(root.type)));
  Checker(environment, report).section(root_section(), root, "");
}

}  // namespace tandem::config
