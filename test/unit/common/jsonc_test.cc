#include "common/jsonc.h"

#include <catch2/catch.hpp>

#include <string>

namespace tandem::jsonc {
namespace {

/// "line:column pointer: message" of the only fault, or what else there is.
std::string fault_of(std::string_view text) {
  const Document document = parse(text);
  if (document.faults.size() != 1) return std::to_string(document.faults.size()) + " faults";
  const Fault& fault = document.faults.front();
  return std::to_string(fault.at.line) + ":" + std::to_string(fault.at.column) + " " +
         fault.pointer + ": " + fault.message;
}

TEST_CASE("A tree remembers order, line and column of keys and values") {
  const Document document =
      parse("{ // first\n  \"b\": [1,\n 22], /* x\n */ \"a\": {\"ä\": true,},\n}");
  REQUIRE(document.complete);
  REQUIRE(document.faults.empty());
  REQUIRE(document.root.members.size() == 2);
  const Member& b = document.root.members[0];
  CHECK(b.key == "b");
  CHECK(b.at == Position{2, 3, 0});
  CHECK(b.value.at == Position{2, 8, 0});
  CHECK(b.value.items[1].at == Position{3, 2, 0});
  const Member& a = document.root.members[1];
  CHECK(a.at == Position{4, 5, 0});
  // Columns count characters: "ä" is two bytes and one column.
  CHECK(a.value.members[0].value.at == Position{4, 16, 0});
}

TEST_CASE("The source's number is in every position") {
  const Document document = parse("{\"a\": 1}", 7);
  CHECK(document.root.at.source == 7);
  CHECK(document.root.members[0].at.source == 7);
  CHECK(parse("?", 7).faults.at(0).at.source == 7);
}

TEST_CASE("Values are read as what they are") {
  const auto root = [](std::string_view text) { return parse(text).root; };
  CHECK(root("null").type == Type::kNull);
  CHECK(root(" true ").boolean);
  CHECK_FALSE(root("false").boolean);
  CHECK(root("false").type == Type::kBoolean);
  CHECK(root("[]").type == Type::kArray);
  CHECK(root("{}").type == Type::kObject);
  CHECK(root("\xEF\xBB\xBF{}").type == Type::kObject);
}

TEST_CASE("Integers are exact up to 64 bits and absent past them") {
  CHECK(parse("9223372036854775807").root.integer() == 9223372036854775807);
  CHECK(parse("-9223372036854775808").root.integer().value() == INT64_MIN);
  CHECK(parse("9007199254740993").root.integer() == 9007199254740993);
  CHECK(parse("9223372036854775808").root.integer() == std::nullopt);
  CHECK(parse("9223372036854775808").root.text == "9223372036854775808");
  CHECK(parse("1.5").root.integer() == std::nullopt);
  CHECK(parse("1e3").root.integer() == std::nullopt);
  CHECK(parse("\"1\"").root.integer() == std::nullopt);
  CHECK(parse("-0").root.integer() == 0);
}

TEST_CASE("Escapes in strings become what they mean") {
  CHECK(parse(R"("\"\\\/\b\f\n\r\t")").root.text == "\"\\/\b\f\n\r\t");
  CHECK(parse(R"("\u0041\u00e4\u20AC")").root.text == "Aä€");
  CHECK(parse(R"("\ud83d\ude00")").root.text == "😀");
  CHECK(parse(R"("\u0000")").root.text == std::string(1, '\0'));
  CHECK(parse(R"("// not a comment /*")").root.text == "// not a comment /*");
}

TEST_CASE("What breaks the grammar is one fault at its place") {
  struct Row {
    std::string_view text;
    std::string_view fault;
  };
  const Row row = GENERATE(
      Row{"", "1:1 : a value is expected, but the file ends here"},
      Row{"// only\n", "2:1 : a value is expected, but the file ends here"},
      Row{"{", "1:2 : a key in double quotes is expected, but the file ends here"},
      Row{"{a: 1}", "1:2 : a key in double quotes is expected, not 'a'"},
      Row{"{\"a\" 1}", "1:6 /a: \":\" is expected, not '1'"},
      Row{"{\"a\": 1 \"b\": 2}", "1:9 : \",\" or \"}\" is expected, not '\"'"},
      Row{"{\"a\": [1 2]}", "1:10 /a: \",\" or \"]\" is expected, not '2'"},
      Row{"[,]", "1:2 /0: a value is expected, not ','"},
      Row{"[1,,]", "1:4 /1: a value is expected, not ','"},
      Row{"{} {}", "1:4 : the end of the file is expected, not '{'"},
      Row{"{\n\"a\": tru\n}",
          "2:6 /a: a value is expected, not tru: strings stand in double quotes"},
      Row{"[5s]", "1:2 /0: not a number as JSON writes it (a value with a unit is a string)"},
      Row{"01", "1:1 : not a number as JSON writes it (a value with a unit is a string)"},
      Row{"-", "1:1 : not a number as JSON writes it (a value with a unit is a string)"},
      Row{"1.", "1:1 : not a number as JSON writes it (a value with a unit is a string)"},
      Row{"1e", "1:1 : not a number as JSON writes it (a value with a unit is a string)"},
      Row{"0x10", "1:1 : not a number as JSON writes it (a value with a unit is a string)"},
      Row{"\"a", "1:1 : this string is never closed: '\"' is missing"},
      Row{"\"a\n\"", "1:1 : this string is never closed: '\"' is missing"},
      Row{"\"a\tb\"", "1:3 : a control character in a string is written \\u0009"},
      Row{R"("\x")", "1:2 : no such escape: a backslash itself is written \\\\"},
      Row{"\"\\", "1:2 : no such escape: a backslash itself is written \\\\"},
      Row{R"("\u12g4")", "1:2 : four hexadecimal digits are expected after \\u"},
      Row{R"("\u12)", "1:2 : four hexadecimal digits are expected after \\u"},
      Row{R"("\ud83d")", "1:2 : half of a surrogate pair: the other \\u is missing"},
      Row{R"("\ude00")", "1:2 : half of a surrogate pair: the other \\u is missing"},
      Row{R"("\ud83dA")", "1:2 : half of a surrogate pair: the other \\u is missing"},
      Row{"{} /* a", "1:4 : this comment is never closed: \"*/\" is missing"},
      Row{"{} # a", "1:4 : the end of the file is expected, not '#'"},
      Row{"'a'", "1:1 : a value is expected, not '''"},
      Row{"\"\xff\"", "1:2 : not UTF-8: save the file in that encoding"},
      Row{"\"\xc0\xaf\"", "1:2 : not UTF-8: save the file in that encoding"},
      Row{"\"\xed\xa0\x80\"", "1:2 : not UTF-8: save the file in that encoding"},
      Row{"\"\xf4\x90\x80\x80\"", "1:2 : not UTF-8: save the file in that encoding"},
      Row{"// \xff", "1:4 : not UTF-8: save the file in that encoding"},
      Row{"\x01", "1:1 : a value is expected, not the control character U+0001"});
  CHECK(fault_of(row.text) == row.fault);
  CHECK_FALSE(parse(row.text).complete);
}

TEST_CASE("Every duplicate key is a fault and the first one stays") {
  const Document document = parse("{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2},\n \"a\": 3, \"a\": 4}");
  REQUIRE(document.complete);
  REQUIRE(document.faults.size() == 3);
  CHECK(document.faults[0].pointer == "/b/c");
  CHECK(document.faults[1].at == Position{2, 2, 0});
  CHECK(document.faults[1].message == "\"a\" stands here twice; the first is at line 1, column 2");
  CHECK(document.root.find("a")->integer() == 1);
  CHECK(document.root.members.size() == 2);
}

TEST_CASE("Nesting is bounded") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(parse(nested(kDepthMax + 1)).complete);
  CHECK(fault_of(nested(kDepthMax + 2)).find("nested deeper than 64 levels") != std::string::npos);
  CHECK_FALSE(parse(std::string(1'000'000, '[')).complete);
}

TEST_CASE("A cut text is never complete") {
  const std::string text = "{\"a\": [1, -2.5e3, \"\\u00e4\"], \"b\": {\"c\": null, }, /* x */ }";
  REQUIRE(parse(text).complete);
  for (std::size_t length = 0; length < text.size(); ++length) {
    INFO(text.substr(0, length));
    CHECK_FALSE(parse(text.substr(0, length)).complete);
  }
}

TEST_CASE("Pointers escape what RFC 6901 says") {
  CHECK(child_pointer("", "a") == "/a");
  CHECK(child_pointer("/a", "b/c~d") == "/a/b~1c~0d");
  CHECK(child_pointer("/a", std::size_t{3}) == "/a/3");
}

TEST_CASE("Only an object has keys to find") {
  CHECK(parse("[1]").root.find("a") == nullptr);
  CHECK(parse("{\"a\": 1}").root.find("b") == nullptr);
}

}  // namespace
}  // namespace tandem::jsonc
