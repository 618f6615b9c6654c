#include "admin/auth.h"

#include <catch2/catch.hpp>

namespace tandem::admin {

TEST_CASE("Base64 is decoded with and without padding, and anything else refused", "[auth]") {
  struct Row {
    std::string_view text;
    std::string_view bytes;
  };
  // RFC 4648 section 10.
  for (const Row& row : {Row{"", ""}, Row{"Zg==", "f"}, Row{"Zm8=", "fo"}, Row{"Zm9v", "foo"},
                         Row{"Zm9vYg", "foob"}, Row{"Zm9vYmFy", "foobar"}, Row{"Zm9v YmFy", ""},
                         Row{"Zm9v\nYmFy", ""}, Row{"Zg-_", ""}, Row{"Z=g=", ""}}) {
    CAPTURE(row.text);
    CHECK(decode_base64(row.text) == row.bytes);
  }
}

TEST_CASE("Only the right password of a known user opens the door", "[auth]") {
  const std::map<std::string, std::string> users = {{"ops", "secret"}, {"ro", "pa:ss"}, {"x", ""}};
  struct Row {
    std::string_view authorization;
    bool opens;
  };
  for (const Row& row : {
           Row{"Basic b3BzOnNlY3JldA==", true},           // ops:secret
           Row{"basic   b3BzOnNlY3JldA==  ", true},       // schemes ignore case
           Row{"Basic cm86cGE6c3M=", true},               // ro:pa:ss
           Row{"Basic b3BzOnNlY3JldHNlY3JldA==", false},  // ops:secretsecret
           Row{"Basic b3BzOg==", false},                  // ops:
           Row{"Basic b3Bz", false},                      // ops
           Row{"Basic cm86c2VjcmV0", false},              // ro:secret, another user's
           Row{"Basic Om5vbmU=", false},                  // :none
           Row{"Basic eDo=", true},                       // x with its empty password
           Row{"Bearer b3BzOnNlY3JldA==", false},
           Row{"b3BzOnNlY3JldA==", false},
           Row{"", false},
       }) {
    CAPTURE(row.authorization);
    CHECK(is_authorized(users, row.authorization) == row.opens);
  }
}

TEST_CASE("Comparison in constant time compares", "[auth]") {
  CHECK(equal_in_constant_time("", ""));
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(equal_in_constant_time("abcabc", "abc"));
  CHECK_FALSE(equal_in_constant_time("", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", ""));
}

}  // namespace tandem::admin
