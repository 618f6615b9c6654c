#include "lb/proxy_protocol/crc32c.h"

#include <catch2/catch.hpp>

#include <string>

namespace tandem::lb::proxy_protocol {

TEST_CASE("CRC32C gives the values of RFC 3720 appendix B.4") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xE3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AA);
  CHECK(crc32c(std::string(32, '\xFF')) == 0x62A8AB43);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  CHECK(crc32c(rising) == 0x46DD794E);
}

TEST_CASE("CRC32C of pieces is that of the whole") {
  const std::string whole = "what comes in pieces is one text";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut)
    CHECK(crc32c(whole.substr(cut), crc32c(whole.substr(0, cut))) == crc32c(whole));
}

}  // namespace tandem::lb::proxy_protocol
