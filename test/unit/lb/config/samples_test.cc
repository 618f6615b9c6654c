// Every sample a person may copy is read: the files of etc/, the blocks of docs/CONFIGURATION.md,
// and the complete sample of the contract, of which this release refuses exactly what it lacks.
#include "load_text.h"
#include "test/support/authority.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace tandem::lb::config {
namespace {

using Texts = std::vector<std::string>;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The real one without the network: names in samples need not exist.
Environment sample_environment() {
  Environment environment = test_environment();
  environment.resolve = nullptr;
  return environment;
}

/// One with its key, that nothing is wrong with.
std::string certificate() {
  return tandem::testing::Authority::self_signed({.common_name = "www.example.org",
                                                  .alternative = "DNS:www.example.org",
                                                  .valid_to = 90L * 24 * 3600});
}

/// What the samples name.
void write_certificates(const Scratch& scratch) {
  for (const char* name :
       {"certs/site.pem", "certs/shop.pem", "clients.pem", "ca.pem", "region.pem"})
    scratch.write(name, certificate());
}

std::vector<std::filesystem::path> files_in(std::string_view folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(TANDEM_SOURCE_DIR) / folder))
    if (entry.path().extension() == ".jsonc") files.push_back(entry.path());
  return files;
}

TEST_CASE("The files of etc and of etc/examples load without error or warning") {
  auto files = files_in("etc");
  for (const auto& example : files_in("etc/examples")) files.push_back(example);
  REQUIRE(files.size() >= 5);
  const Scratch scratch;
  const std::filesystem::path key = scratch.write("peer.key", "a secret for samples\n");
  scratch.write("site.pem", certificate());
  scratch.write("clients.pem", certificate());
  std::filesystem::permissions(key, std::filesystem::perms::owner_read);
  Environment environment = sample_environment();
  environment.variable =
      [folder = key.parent_path().string()](std::string_view name) -> std::optional<std::string> {
    if (name == "CREDENTIALS_DIRECTORY") return folder;
    return std::nullopt;
  };
  for (const auto& file : files) {
    INFO(file.string());
    const LoadResult result = load({file.string()}, environment);
    CHECK(texts(result.errors, scratch) == Texts{});
    CHECK(texts(result.warnings, scratch) == Texts{});
  }
}

/// Files that bring what a block leaves out, so that a sample of one section can be short.
std::vector<std::string> completed(const Scratch& scratch, const std::string& block) {
  std::vector<std::string> paths = {scratch.write("t", block)};
  if (block.find("\"frontends\"") == std::string::npos)
    paths.push_back(
        scratch.write("f", R"({"frontends": {"www": {"bind": ":80", "default_backend": "app"}}})"));
  if (block.find("\"backends\"") == std::string::npos)
    paths.push_back(scratch.write("b", R"({"backends": {"app": {"servers": {"a": "10.0.0.1:1"}},
                                                   "api": {"servers": {"a": "10.0.0.1:1"}}}})"));
  return paths;
}

TEST_CASE("The blocks of docs/CONFIGURATION.md load without error") {
  const std::string document =
      text_of(std::filesystem::path(TANDEM_SOURCE_DIR) / "docs/CONFIGURATION.md");
  const Scratch scratch;
  scratch.write("stats-pass", "x\n");
  scratch.write("peer.key", "sixteen letters!\n");
  scratch.write("errors/503.http", "HTTP/1.1 503 Service Unavailable\r\n\r\n");
  write_certificates(scratch);
  int blocks = 0;
  for (std::size_t at = document.find("```jsonc\n"); at != std::string::npos;
       at = document.find("```jsonc\n", at)) {
    at += 9;
    const std::string block = document.substr(at, document.find("```", at) - at);
    INFO(block);
    const LoadResult result = load(completed(scratch, block), sample_environment());
    CHECK(texts(result.errors, scratch) == Texts{});
    ++blocks;
  }
  CHECK(blocks >= 18);
}

TEST_CASE("Of the complete sample only what this release lacks is refused, each at its place") {
  const Scratch scratch;
  scratch.write("stats-pass", "x\n");
  scratch.write("peer.key", "sixteen letters!\n");
  write_certificates(scratch);
  const LoadResult result = load_text(
      scratch,
      text_of(std::filesystem::path(TANDEM_SOURCE_DIR) / "test/unit/lb/config/everything.jsonc"),
      sample_environment());
  const auto lacks = [](std::string_view place, std::string_view what) {
    return "/t:" + std::string(place) + ": " + std::string(what) + " is not supported yet";
  };
  CHECK(texts(result.errors, scratch) ==
        Texts{lacks("23:3: /resolvers", "\"resolvers\""),
              lacks("43:50: /frontends/www/rules/1/if/not/src", "\"src\""),
              lacks("43:77: /frontends/www/rules/1/deny", "\"deny\""),
              lacks("44:11: /frontends/www/rules/2/rate-limit", "\"rate-limit\""),
              lacks("44:62: /frontends/www/rules/2/deny", "\"deny\""),
              lacks("57:7: /backends/app/cookie", "\"cookie\""),
              lacks("72:17: /backends/orders/server-template", "\"server-template\"")});
  CHECK(
      texts(result.warnings, scratch) ==
      Texts{
          "/t:22:65: /certificates/all: not used: no bind names it",
          "/t:36:49: /frontends/www/bind/1/ssl/ca-file: means nothing while \"verify\" is \"none\"",
          "/t:37:47: /frontends/www/bind/2/accept-proxy: whoever can connect to [::]:8443 may "
          "pretend to be any client: name the networks of the balancers in front instead, such "
          "as [\"10.0.0.0/8\"]",
          "/t:72:15: /backends/orders: not used: no frontend names it"});
}

}  // namespace
}  // namespace tandem::lb::config
