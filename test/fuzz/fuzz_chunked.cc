// Chunked bodies: cutting changes nothing, skipping data changes nothing but the data, and a body
// that was read whole reads the same after it was written anew.
#include "test/fuzz/oracle.h"
#include "test/unit/http/describe.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::http {
namespace {

constexpr auto kRole = FieldSection::Role::kRequest;

std::string decode(std::string_view body, const std::vector<std::size_t>& ends) {
  ChunkedDecoder decoder(kRole, Limits{.chunk_extension_bytes_max = 64, .trailer_bytes_max = 128});
  return decode_body(decoder, body, ends);
}

/// Moves every chunk past the decoder, as splicing does. @return bytes used, 0 if not complete.
std::size_t end_when_skipping(std::string_view body) {
  ChunkedDecoder decoder(kRole, Limits{.chunk_extension_bytes_max = 64, .trailer_bytes_max = 128});
  std::size_t at = 0;
  while (at < body.size()) {
    const BodyStep step = decoder.step(body.substr(at, 1));
    at += step.consumed;
    if (step.kind == BodyStep::Kind::kEnd) return at;
    if (step.kind == BodyStep::Kind::kError || decoder.data_left() > body.size() - at) return 0;
    at += static_cast<std::size_t>(decoder.data_left());
    decoder.skip_data(decoder.data_left());
  }
  return 0;
}

void check_round_trip(std::string_view body) {
  ChunkedDecoder decoder(kRole, Limits{});
  std::string again;
  std::string data;
  while (true) {
    const BodyStep step = decoder.step(body);
    body.remove_prefix(step.consumed);
    if (step.kind != BodyStep::Kind::kData) break;
    std::array<char, kChunkSizeBytesMax> size{};
    again.append(size.data(), write_chunk_size(size.data(), step.data.size()));
    again.append(step.data).append(kChunkEnd);
    data.append(step.data);
  }
  if (!decoder.finished()) return;
  std::string last(decoder.trailers().size() + kLastChunk.size(), '\0');
  fuzz::expect("fits", write_last_chunk(last, decoder.trailers()) == last.size());
  again += last;
  fuzz::expect_same(
      "written anew",
      fmt::format("[{}] trailers [{}] bytes {}", data, decoder.trailers(), again.size()), [&again] {
        ChunkedDecoder second(kRole, Limits{.trailer_bytes_max = 1U << 20U});
        return decode_body(second, again, {again.size()});
      }());
}

}  // namespace
}  // namespace tandem::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem;
  using namespace tandem::http;
  const std::string body(reinterpret_cast<const char*>(data), size);
  const std::string whole = decode(body, {size});
  fuzz::expect_same("cut", whole, decode(body, fuzz::cuts(body, size)));
  fuzz::expect_same("bytewise", whole, decode(body, every_byte(size)));
  if (const std::size_t end = end_when_skipping(body); whole.starts_with('['))
    fuzz::expect("skipping finds the same end", whole.ends_with(fmt::format(" bytes {}", end)));
  check_round_trip(body);
  return 0;
}
