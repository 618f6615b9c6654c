// Any bytes as what a balancer in front says: no crash, the same verdict however much of it has
// come, and whatever is understood is written back so that it means the same. Seeds:
// test/corpus/proxy_header.
#include "lb/proxy_protocol/header.h"
#include "test/fuzz/oracle.h"
#include "test/unit/lb/proxy_protocol/wire_text.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::lb::proxy_protocol {
namespace {

/// A verdict never changes when more bytes come, and never waits for bytes behind the header.
void check_prefixes(std::string_view bytes, const std::string& whole) {
  for (std::size_t size = 0; size <= bytes.size() && size <= kHeaderBytesMax; ++size) {
    const std::string said = verdict(bytes.substr(0, size));
    if (said != "more") {
      fuzz::expect_same("a beginning", said, whole);
      return;
    }
  }
  fuzz::expect("a verdict within the limit", bytes.size() < kHeaderBytesMax);
}

void check_round_trip(Header header) {
  std::string out(kHeaderBytesMax, '\0');
  for (const Version version : {Version::kV1, Version::kV2}) {
    header.version = version;
    const auto size = encode(out, header);
    // What we write of TLS and v4-mapped addresses may be longer than what came.
    if (!size) continue;
    const auto again = decode(std::string_view(out).substr(0, *size));
    fuzz::expect("what we write is a header", again && *again && (*again)->bytes == *size);
    if ((*again)->is_local) {
      fuzz::expect("only Unix has no words in version 1",
                   header.is_local || (version == Version::kV1 && header.source.is_unix()));
      continue;
    }
    fuzz::expect_same("source", header.source.text(), (*again)->source.text());
    fuzz::expect_same("destination", header.destination.text(), (*again)->destination.text());
    if (version == Version::kV2) fuzz::expect("extras", (*again)->extras == header.extras);
  }
}

}  // namespace
}  // namespace tandem::lb::proxy_protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem::lb::proxy_protocol;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = verdict(bytes);
  check_prefixes(bytes, whole);
  const auto decoded = decode(bytes);
  if (!decoded || !*decoded) return 0;
  tandem::fuzz::expect("a header is no longer than what came", (*decoded)->bytes <= size);
  check_round_trip(**decoded);
  return 0;
}
