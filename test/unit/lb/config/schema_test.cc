// The table, etc/tandem.schema.json and docs/CONFIGURATION.md say the same, in both directions; and
// the defaults the table names are those that hold.
#include "config/schema.h"

#include "common/text.h"
#include "config/json_schema.h"
#include "config/policies.h"
#include "config/values.h"
#include "load_text.h"
#include "test/support/authority.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <fstream>
#include <set>
#include <sstream>

namespace tandem::lb::config {
namespace {

std::string source_file(std::string_view name) {
  std::ifstream file(std::string(TANDEM_SOURCE_DIR) + "/" + std::string(name));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_CASE("etc/tandem.schema.json is what the table gives (config_check --schema)") {
  CHECK(source_file("etc/tandem.schema.json") == json_schema());
}

TEST_CASE("Each key stands once in its section, with words on what it means") {
  for (const Section* section : all_sections()) {
    std::set<std::string_view> names;
    for (const Key& key : section->keys) {
      INFO(section->name << " " << key.name);
      CHECK(names.insert(key.name).second);
      CHECK_FALSE(key.doc.empty());
      CHECK((key.kind == Kind::kSection) == (key.section != nullptr));
      CHECK((key.kind == Kind::kWord || key.kind == Kind::kCode) == !key.words.empty());
      if (key.kind == Kind::kInteger || key.kind == Kind::kDuration) CHECK(key.min < key.max);
    }
    for (const std::string_view key : words_of(section->one_of))
      CHECK(section->find(key) != nullptr);
  }
}

TEST_CASE("Every section that is referred to is among all sections") {
  std::set<const Section*> listed(all_sections().begin(), all_sections().end());
  for (const Section* section : all_sections())
    for (const Key& key : section->keys)
      if (key.section != nullptr) CHECK(listed.contains(key.section));
}

/// The table rows ("| `…") under each "## heading" of a Markdown text.
std::map<std::string, std::set<std::string>, std::less<>> tables_of(const std::string& text) {
  std::map<std::string, std::set<std::string>, std::less<>> tables;
  std::string heading;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("## ")) heading = line.substr(3);
    if (line.starts_with("| `")) tables[heading].emplace(line);
  }
  return tables;
}

TEST_CASE("docs/CONFIGURATION.md has each key of each section and no other") {
  const std::string document = source_file("docs/CONFIGURATION.md");
  auto tables = tables_of(document);
  for (const Section* section : all_sections()) {
    INFO("section " << section->name << ": config_check --tables prints what must stand there");
    const auto rows = documentation_rows(*section);
    CHECK(tables[std::string(section->name)] == std::set<std::string>(rows.begin(), rows.end()));
    CHECK(document.find(documentation_of_later(*section)) != std::string::npos);
    tables.erase(std::string(section->name));
  }
  const auto policies = documentation_of_policies();
  CHECK(tables["Balance policies"] == std::set<std::string>(policies.begin(), policies.end()));
  tables.erase("Balance policies");
  for (const auto& [heading, rows] : tables) {
    INFO("rows that are no key's, under: " << heading);
    CHECK(rows.empty());
  }
}

/// The default of a key as the file would say it; empty: it has none, or one in words.
std::string default_value(const Key& key) {
  const std::string_view text = key.fallback;
  if (text.empty() || text.find_first_of(" `") != std::string_view::npos) return {};
  const bool bare = key.kind == Kind::kBoolean || key.kind == Kind::kInteger ||
                    key.kind == Kind::kCode ||
                    (key.or_boolean && (text == "true" || text == "false"));
  return bare ? std::string(text) : fmt::format("\"{}\"", text);
}

/// The members that say every default of a section aloud; sections inside sections too.
std::string defaults_of(const Section& section, std::string_view more) {
  std::string members(more);
  for (const Key& key : section.keys) {
    std::string value = default_value(key);
    const bool nested = key.kind == Kind::kSection && key.shape == Shape::kOne && !key.or_boolean;
    // TLS needs a certificate.
    const std::string_view needs = key.name == "ssl" ? R"("crt": "site.pem")" : "";
    if (nested && key.name != "not") value = "{" + defaults_of(*key.section, needs) + "}";
    if (value.empty() || value == "{}") continue;
    members += fmt::format("{}\"{}\": {}", members.empty() ? "" : ", ", key.name, value);
  }
  return members;
}

const Section& section_named(std::string_view name) {
  for (const Section* section : all_sections())
    if (section->name == name) return *section;
  throw std::runtime_error("no such section");
}

TEST_CASE("A file that says every default aloud is the file that says none") {
  const auto file = [](bool aloud) {
    const auto of = [&](std::string_view name, std::string_view more) {
      return aloud ? "{" + defaults_of(section_named(name), more) + "}"
                   : fmt::format("{{{}}}", more);
    };
    // "defaults" and "log" of the root are sections of their own; the rest needs what is required.
    return fmt::format(
        R"({{"global": {}, "log": {{"access": {}}}, "admin": {}, "runtime": [{}], "defaults": {},
            "frontends": {{"www": {{"bind": {}, "default_backend": "app",
              "rules": [{{"if": {{"path": "/a"}}, "return": {}}}, {{"redirect": {}}}] {}}}}},
            "backends": {{"app": {{"check": {}, "servers": {{"a": {}}} {}}}}}}})",
        of("global", ""), of("access", ""), of("admin", ""), of("runtime", R"("bind": "unix:/a")"),
        of("defaults", ""),
        aloud ? of("bind", R"("address": ":80")")
              : R"({"address": ":80", "ssl": {"crt": "site.pem"}})",
        of("return", R"("string": "x")"), of("redirect", R"("prefix": "/x")"),
        aloud ? "," + defaults_of(section_named("frontend"), "") : "",
        of("check", R"("type": "http")"), of("server", R"("address": "10.0.0.1:1")"),
        aloud ? "," + defaults_of(section_named("backend"), "") : "");
  };
  const Scratch scratch;
  // "type" of the check is said by both: all of the check's other defaults need http.
  std::string aloud = file(true);
  for (std::size_t at = aloud.find(R"(, "type": "tcp")"); at != std::string::npos;
       at = aloud.find(R"(, "type": "tcp")"))
    aloud.erase(at, 15);
  INFO(aloud);
  scratch.write("site.pem", tandem::testing::Authority::self_signed(
                                {.common_name = "a", .alternative = "DNS:a"}));
  const LoadResult said = load_text(scratch, aloud);
  CHECK(texts(said.errors, scratch) == std::vector<std::string>{});
  const LoadResult silent = load_text(scratch, file(false));
  CHECK(texts(silent.errors, scratch) == std::vector<std::string>{});
  REQUIRE(said.snapshot);
  REQUIRE(silent.snapshot);
  CHECK(said.snapshot->global == silent.snapshot->global);
  CHECK(said.snapshot->runtime == silent.snapshot->runtime);
  CHECK(said.snapshot->admin == silent.snapshot->admin);
  CHECK(said.snapshot->access_log == silent.snapshot->access_log);
  CHECK(said.snapshot->frontends == silent.snapshot->frontends);
  CHECK(said.snapshot->backends == silent.snapshot->backends);
}

TEST_CASE("The defaults in words are true") {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, R"({
    "frontends": { "www": { "bind": ":80", "maxconn": 500, "default_backend": "app" } },
    "backends": { "app": { "check": { "type": "http" }, "default-server": { "inter": "7s" },
                           "servers": { "a": "10.0.0.1:1" } } } })");
  REQUIRE(result.snapshot);
  const Backend& backend = result.snapshot->backends[0];
  CHECK(backend.fullconn == 50);
  CHECK(backend.check.host.empty());
  CHECK(backend.servers[0].check);
  CHECK(backend.servers[0].fastinter == Milliseconds(7'000));
  CHECK(backend.servers[0].downinter == Milliseconds(7'000));
  CHECK(result.snapshot->global.node == "lb1");
}

}  // namespace
}  // namespace tandem::lb::config
