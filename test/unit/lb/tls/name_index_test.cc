// Which certificates are chosen for a name.
#include "lb/tls/name_index.h"

#include <catch2/catch.hpp>

namespace tandem::lb::tls {
namespace {

using enum KeyType;
using Set = NameIndex::Set;

/// The certificates for `name`; empty: none.
Set chosen(const NameIndex& index, std::string_view name) {
  const auto found = index.find(name);
  return found ? index.sets().at(*found) : Set{};
}

TEST_CASE("An exact name comes before a wildcard, which is one label deep") {
  const std::vector<NamedKey> certificates = {{{"default.example"}, kEcdsa},
                                              {{"*.example.org", "example.org"}, kEcdsa},
                                              {{"www.example.org"}, kEcdsa}};
  const NameIndex index(certificates);
  struct Row {
    std::string_view name;
    Set expected;
  };
  const Row row = GENERATE(
      Row{"www.example.org", {2}}, Row{"WWW.Example.ORG", {2}}, Row{"www.example.org.", {2}},
      Row{"api.example.org", {1}}, Row{"example.org", {1}}, Row{"a.b.example.org", {}},
      Row{".example.org", {}}, Row{"*.example.org", {1}}, Row{"org", {}}, Row{"", {}}, Row{".", {}},
      Row{"www.example.orgs", {}}, Row{"xexample.org", {}}, Row{"default.example", {0}});
  INFO(row.name);
  CHECK(chosen(index, row.name) == row.expected);
}

TEST_CASE("A name that is longer than names can be is not looked for") {
  const std::vector<NamedKey> certificates = {{{"*.example.org"}, kEcdsa}};
  const NameIndex index(certificates);
  CHECK(chosen(index, std::string(243, 'a') + ".example.org") == Set{0});
  CHECK(chosen(index, std::string(244, 'a') + ".example.org").empty());
  CHECK(chosen(index, std::string(100'000, 'a')).empty());
}

TEST_CASE("Of each type of key the first certificate counts, the others are told") {
  const std::vector<NamedKey> certificates = {{{"a.example"}, kRsa},
                                              {{"a.example", "b.example"}, kEcdsa},
                                              {{"b.example"}, kRsa},
                                              {{"b.example", "a.example"}, kEcdsa},
                                              {{"c.example", "c.example"}, kRsa}};
  const NameIndex index(certificates);
  CHECK(chosen(index, "a.example") == Set{0, 1});
  CHECK(chosen(index, "b.example") == Set{1, 2});
  CHECK(chosen(index, "c.example") == Set{4});
  CHECK(index.clashes() == std::vector<NameIndex::Clash>{{1, 3, "b.example"}});
}

TEST_CASE("An exact name does not borrow from a wildcard") {
  const std::vector<NamedKey> certificates = {{{"*.example.org"}, kRsa},
                                              {{"www.example.org"}, kEcdsa}};
  const NameIndex index(certificates);
  CHECK(chosen(index, "www.example.org") == Set{1});
  CHECK(chosen(index, "api.example.org") == Set{0});
}

TEST_CASE("The default is the first certificate with those that go with its first name") {
  const std::vector<NamedKey> pair = {{{"a.example"}, kRsa}, {{"a.example"}, kEcdsa}};
  CHECK(NameIndex(pair).sets().front() == Set{0, 1});
  const std::vector<NamedKey> nameless = {{{}, kRsa}, {{"a.example"}, kEcdsa}};
  CHECK(NameIndex(nameless).sets().front() == Set{0});
}

TEST_CASE("Names that lead to the same certificates share a set") {
  const std::vector<NamedKey> certificates = {{{"a.example", "b.example", "*.c.example"}, kRsa},
                                              {{"d.example"}, kRsa}};
  CHECK(NameIndex(certificates).sets() == std::vector<Set>{{0}, {1}});
}

}  // namespace
}  // namespace tandem::lb::tls
