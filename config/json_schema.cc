#include "config/json_schema.h"

#include "common/time.h"
#include "config/policies.h"
#include "config/values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <charconv>

namespace tandem::config {
namespace {

using Json = nlohmann::ordered_json;

Json reference(std::string_view definition) {
  return {{"$ref", fmt::format("#/definitions/{}", definition)}};
}

Json pattern(std::string_view regular_expression) {
  return {{"type", "string"}, {"pattern", regular_expression}};
}

/// A string of this form, or one that holds a variable.
Json pattern_or_variable(std::string_view regular_expression) {
  return {{"anyOf", {pattern(regular_expression), reference("variable")}}};
}

std::string balance_pattern() {
  std::vector<std::string> forms;
  for (const BalancePolicy& policy : kBalancePolicies) {
    forms.emplace_back(policy.name);
    if (policy.name == "random") forms.back() += R"((\([1-9][0-9]?\))?)";
    if (policy.name == "uri") forms.back() += "( whole)?";
  }
  return fmt::format("^({})$", fmt::join(forms, "|"));
}

Json integer_schema(const Key& key) {
  Json range = {{"type", "integer"}, {"minimum", key.min}, {"maximum", key.max}};
  if (!key.or_zero) return range;
  return {{"anyOf", {Json{{"const", 0}}, range}}};
}

Json section_schema(const Key& key) {
  Json object = reference(key.section->name);
  if (key.or_boolean) return {{"anyOf", {object, Json{{"type", "boolean"}}}}};
  if (key.or_endpoint) return {{"anyOf", {reference("address"), object}}};
  return object;
}

Json word_schema(const Key& key) {
  return {{"anyOf", {Json{{"enum", words_of(key.words)}}, reference("variable")}}};
}

Json code_schema(const Key& key) {
  Json codes = Json::array();
  for (const std::string_view word : words_of(key.words)) {
    int code = 0;
    std::from_chars(word.data(), word.data() + word.size(), code);
    codes.push_back(code);
  }
  return {{"enum", codes}};
}

Json value_schema(const Key& key) {
  switch (key.kind) {
    case Kind::kBoolean:
      return {{"type", "boolean"}};
    case Kind::kInteger:
      return integer_schema(key);
    case Kind::kCode:
      return code_schema(key);
    case Kind::kDuration:
      return reference("duration");
    case Kind::kText:
      return {{"type", "string"}};
    case Kind::kWord:
      return word_schema(key);
    case Kind::kHttpPath:
      return pattern_or_variable("^/[^ ]*$");
    case Kind::kToken:
      return pattern_or_variable("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$");
    case Kind::kAddress:
    case Kind::kEndpoint:
      return reference("address");
    case Kind::kIp:
      return pattern_or_variable("^[0-9A-Fa-f:.]+$");
    case Kind::kIpPrefix:
      return pattern_or_variable("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$");
    case Kind::kBalance:
      return pattern_or_variable(balance_pattern());
    case Kind::kHashKey:
      return pattern_or_variable(R"(^(src|pathq?|(hdr|cookie|url_param)\([^() ]+\))$)");
    case Kind::kStatusRange:
      return {{"anyOf",
               {Json{{"type", "integer"}, {"minimum", 100}, {"maximum", 599}},
                pattern_or_variable("^[1-5][0-9]{2}(-[1-5][0-9]{2})?$")}}};
    case Kind::kFileMode:
      return pattern_or_variable("^0*[0-7]{1,3}$");
    case Kind::kLogTarget:
      return pattern_or_variable("^(stdout|stderr|(file|syslog):.+)$");
    case Kind::kSection:
      return section_schema(key);
    default:
      return reference("line");
  }
}

std::string_view name_pattern(Names names) {
  switch (names) {
    case Names::kStatus:
      return "^[45][0-9]{2}$";
    case Names::kUser:
      return "^[0-9A-Za-z._-]{1,128}$";
    case Names::kHeader:
      return "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
    case Names::kIdentifier:
      break;
  }
  return "^[0-9A-Za-z._:-]{1,128}$";
}

Json shaped_schema(const Key& key) {
  Json one = value_schema(key);
  Json list = {{"type", "array"}, {"items", one}};
  switch (key.shape) {
    case Shape::kOne:
      return one;
    case Shape::kList:
      return list;
    case Shape::kOneOrList: {
      list["minItems"] = 1;
      Json forms = {one, list};
      if (key.or_boolean) forms.push_back({{"type", "boolean"}});
      return {{"anyOf", forms}};
    }
    case Shape::kNamed:
      break;
  }
  return {{"type", "object"},
          {"propertyNames", {{"pattern", name_pattern(key.names)}}},
          {"additionalProperties", one}};
}

Json section_definition(const Section& section) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const Key& key : section.keys) {
    if (key.kind == Kind::kLater) continue;
    Json property = {{"description", key.doc}};
    property.update(shaped_schema(key));
    properties[std::string(key.name)] = std::move(property);
    if (key.required) required.push_back(key.name);
  }
  Json definition = {{"type", "object"}, {"additionalProperties", false}};
  if (!required.empty()) definition["required"] = required;
  for (const std::string_view key : words_of(section.one_of))
    definition["oneOf"].push_back({{"required", {key}}});
  definition["properties"] = std::move(properties);
  return definition;
}

std::string backquoted(std::string_view words) {
  return fmt::format("`{}`", fmt::join(words_of(words), "`, `"));
}

std::string type_of_value(const Key& key) {
  switch (key.kind) {
    case Kind::kBoolean:
      return "true or false";
    case Kind::kInteger:
      return fmt::format("{}{} to {}", key.or_zero ? "0 or " : "", key.min, key.max);
    case Kind::kCode:
    case Kind::kWord:
      return backquoted(key.words);
    case Kind::kDuration:
      return fmt::format("duration, {} to {}", format_duration(Milliseconds(key.min)),
                         format_duration(Milliseconds(key.max)));
    case Kind::kFile:
      return "file";
    case Kind::kHttpPath:
      return "path";
    case Kind::kToken:
      return "token";
    case Kind::kSecret:
      return "secret";
    case Kind::kAddress:
    case Kind::kEndpoint:
      return "address";
    case Kind::kIp:
      return "IP address";
    case Kind::kIpPrefix:
      return "IP address/length";
    case Kind::kReference:
      return "name of a backend";
    case Kind::kBalance:
      return "[policy](#balance-policies)";
    case Kind::kStatusRange:
      return "status or range";
    case Kind::kFileMode:
      return "octal, `\"000\"` to `\"777\"`";
    case Kind::kSection:
      return fmt::format("{}[{}](#{})", key.or_endpoint ? "address or " : "", key.section->name,
                         key.section->name) +
             (key.or_boolean ? ", true or false" : "");
    default:
      return "string";
  }
}

std::string type_of(const Key& key) {
  const std::string one = type_of_value(key);
  switch (key.shape) {
    case Shape::kOne:
      return one;
    case Shape::kList:
      return "array of " + one;
    case Shape::kOneOrList:
      return one + (key.or_boolean ? ", an array, true or false" : ", or an array");
    case Shape::kNamed:
      break;
  }
  constexpr std::string_view kNames[] = {"name", "status", "user", "header"};
  return fmt::format("{} → {}", kNames[static_cast<std::size_t>(key.names)], one);
}

/// A default that is a value in code font; one told in words as it is.
std::string default_of(const Key& key) {
  if (key.required) return "required";
  if (key.fallback.empty()) return "none";
  const bool words = key.fallback.find_first_of(" `") != std::string_view::npos;
  return words ? std::string(key.fallback) : fmt::format("`{}`", key.fallback);
}

}  // namespace

std::string json_schema() {
  Json definitions = {
      {"variable", pattern(R"(\$\{)")},
      {"line", pattern("^[^\\u0000-\\u001f\\u007f]+$")},
      {"duration", pattern_or_variable("^[0-9]+(us|ms|s|m|h|d)$")},
      {"address", pattern_or_variable("^(unix:.+|[^ ]*:[0-9]{1,5})$")},
  };
  Json root = {{"$schema", "http://json-schema.org/draft-07/schema#"},
               {"title", "tandem.jsonc"},
               {"description", "Configuration of tandem, see docs/CONFIGURATION.md."}};
  for (const Section* section : all_sections()) {
    if (section == &root_section())
      root.update(section_definition(*section));
    else
      definitions[std::string(section->name)] = section_definition(*section);
  }
  root["definitions"] = std::move(definitions);
  return root.dump(2) + "\n";
}

std::vector<std::string> documentation_rows(const Section& section) {
  std::vector<std::string> rows;
  for (const Key& key : section.keys)
    if (key.kind != Kind::kLater)
      rows.push_back(
          fmt::format("| `{}` | {} | {} | {} |", key.name, type_of(key), default_of(key), key.doc));
  return rows;
}

std::string documentation_of_later(const Section& section) {
  std::vector<std::string> keys;
  for (const Key& key : section.keys) {
    if (key.kind == Kind::kLater) keys.push_back(fmt::format("`{}`", key.name));
    for (const std::string_view word : words_of(key.later))
      keys.push_back(fmt::format("`\"{}\": \"{}\"`", key.name, word));
  }
  if (keys.empty()) return {};
  return fmt::format("Not supported yet, and refused: {}.", fmt::join(keys, ", "));
}

std::vector<std::string> documentation_of_policies() {
  std::vector<std::string> rows;
  for (const BalancePolicy& policy : kBalancePolicies)
    rows.push_back(fmt::format("| `{}` | {} |", policy.name, policy.meaning));
  return rows;
}

}  // namespace tandem::config
