#include "lb/compression/encoder.h"

#include "common/random.h"
#include "lb/compression/encoder_pool.h"
#include "test/unit/lb/compression/decoding.h"

#include <catch2/catch.hpp>
#include <malloc.h>

#include <algorithm>

namespace tandem::lb::compression {
namespace {

using enum http::ContentCoding;
using Until = Encoder::Until;

/// Half text, half what cannot be made smaller.
std::string body_of(std::size_t size) {
  Random random(1);
  std::string body;
  while (body.size() < size) {
    if (body.size() / 3000 % 2 == 0) {
      body += "the quick brown fox " + std::to_string(body.size());
    } else {
      const std::uint64_t bits = random.next();
      body.append(reinterpret_cast<const char*>(&bits), sizeof bits);
    }
  }
  body.resize(size);
  return body;
}

iovec piece_of(std::string_view text) {
  return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
}

/// Encodes in sends of `piece_bytes` each; `flush`: each is flushed.
std::string encode(Encoder& encoder, std::string_view body, std::size_t piece_bytes, bool flush) {
  std::string coded;
  std::vector<char> out;
  const auto step = [&](std::span<const iovec> pieces, Until until) {
    coded.append(out.data(), encoder.encode(pieces, until, out));
  };
  while (body.size() > piece_bytes) {
    const std::array pieces = {
        piece_of(body.substr(0, piece_bytes / 2)),
        piece_of(body.substr(piece_bytes / 2, piece_bytes - piece_bytes / 2))};
    step(pieces, flush ? Until::kFlush : Until::kMore);
    body.remove_prefix(piece_bytes);
  }
  const iovec rest = piece_of(body);
  step({&rest, 1}, Until::kEnd);
  return coded;
}

TEST_CASE("What is encoded is decoded to the same bytes, whatever its size and pieces") {
  const auto coding = GENERATE(kGzip, kBrotli);
  const auto level = GENERATE(1, 4, 9);
  const auto size = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{1000}, std::size_t{65'536},
                             std::size_t{300'001});
  const auto piece = GENERATE(std::size_t{1'000}, std::size_t{131'072});
  const auto flush = GENERATE(false, true);
  CAPTURE(std::string(name_of(coding)), level, size, piece, flush);
  const std::string body = body_of(size);
  const auto encoder = make_encoder({.coding = coding, .level = level});
  const Decoded decoded = decode(coding, encode(*encoder, body, piece, flush));
  CHECK(decoded.is_whole);
  CHECK((decoded.text == body));
}

TEST_CASE("A length that is announced wrongly changes nothing") {
  const std::string body = body_of(100'000);
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{5}, ~std::uint64_t{0}}) {
    const auto encoder = make_encoder({.coding = kBrotli, .level = 4, .length = length});
    CHECK((decode(kBrotli, encode(*encoder, body, 5000, false)).text == body));
  }
}

TEST_CASE("After a flush every byte so far can be read, before its end no coding is whole") {
  const auto coding = GENERATE(kGzip, kBrotli);
  const auto encoder = make_encoder({.coding = coding, .level = 4});
  std::vector<char> out;
  std::string coded;
  std::string body;
  for (int event = 0; event < 50; ++event) {
    const std::string text = "data: event number " + std::to_string(event) + "\n\n";
    body += text;
    const iovec piece = piece_of(text);
    coded.append(out.data(), encoder->encode({&piece, 1}, Until::kMore, out));
    coded.append(out.data(), encoder->encode({}, Until::kFlush, out));
    const Decoded decoded = decode(coding, coded);
    CHECK(decoded.is_good);
    CHECK_FALSE(decoded.is_whole);
    REQUIRE(decoded.text == body);
  }
}

TEST_CASE("What an encoder writes at once is bounded by what it was given and what it holds") {
  const auto coding = GENERATE(kGzip, kBrotli);
  Random random(2);
  std::string noise(128 * 1024, '\0');
  for (char& c : noise) c = static_cast<char>(random.next());
  const auto encoder = make_encoder({.coding = coding, .level = 9});
  std::vector<char> out;
  const iovec piece = piece_of(noise);
  for (int i = 0; i < 20; ++i)
    CHECK(encoder->encode({&piece, 1}, Until::kMore, out) <= noise.size() + 300'000);
  CHECK(encoder->encode({}, Until::kEnd, out) <= 300'000);
  CHECK(out.size() <= noise.size() + 400'000);
}

TEST_CASE("An encoder takes no more memory than the pool reckons with") {
  const auto coding = GENERATE(kGzip, kBrotli);
  const auto in_use = [] {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  if (in_use() == 0) return;  // under a sanitizer, which has its own allocator
  const std::string body = body_of(3'000'000);
  std::vector<char> out(1'000'000);
  for (int level = 1; level <= 9; ++level) {
    const EncoderOptions options{.coding = coding, .level = level, .length = body.size()};
    const std::size_t before = in_use();
    std::size_t most = before;
    {
      const auto encoder = make_encoder(options);
      CHECK(encoder->memory_max() == encoder_memory_max(options));
      for (std::size_t at = 0; at < body.size(); at += 100'000) {
        const iovec piece = piece_of(std::string_view(body).substr(at, 100'000));
        static_cast<void>(encoder->encode({&piece, 1}, Until::kMore, out));
        most = std::max(most, in_use());
      }
    }
    CAPTURE(std::string(name_of(coding)), level);
    REQUIRE(out.size() == 1'000'000);
    CHECK(most - before > encoder_memory_max(options) / 2);
    CHECK(most - before <= encoder_memory_max(options) + 8 * 1024);
    CHECK(in_use() <= before + 64 * 1024);
  }
}

TEST_CASE("An encoder that is used again knows nothing of the last body, and takes the new level") {
  figures::WorkerCells cells;
  EncoderPool pool(cells);
  const std::string body = body_of(50'000);
  std::string fresh_9;
  {
    EncoderLease lease = pool.take({.coding = kGzip, .level = 9});
    fresh_9 = encode(*lease.operator->(), body, 4000, false);
  }
  {
    // Given back in the middle of a body.
    EncoderLease lease = pool.take({.coding = kGzip, .level = 1});
    const iovec piece = piece_of(body);
    std::vector<char> out;
    CHECK(lease->encode({&piece, 1}, Until::kMore, out) > 0);
  }
  CHECK(cells.compressors_free.value() == 1);
  EncoderLease lease = pool.take({.coding = kGzip, .level = 9});
  CHECK(cells.compressors_free.value() == 0);
  CHECK((encode(*lease.operator->(), body, 4000, false) == fresh_9));
}

TEST_CASE("The pool lends so many and no more, and keeps a few of those that can be used again") {
  const auto coding = GENERATE(kGzip, kBrotli);
  figures::WorkerCells cells;
  EncoderPool pool(cells);
  std::vector<EncoderLease> leases;
  const EncoderOptions options{.coding = coding, .level = 1};
  const std::size_t most = EncoderPool::kMemoryMax / encoder_memory_max(options);
  for (std::size_t i = 0; i < most; ++i) {
    leases.push_back(pool.take(options));
    REQUIRE(leases.back());
  }
  CHECK_FALSE(pool.take(options));
  CHECK(cells.compressors_used.value() == static_cast<std::int64_t>(most));
  leases.pop_back();
  CHECK(pool.take(options));
  leases.clear();
  CHECK(cells.compressors_used.value() == 0);
  const auto kept = coding == kGzip ? static_cast<std::int64_t>(EncoderPool::kFreeMax) : 0;
  CHECK(cells.compressors_free.value() == kept);
}

}  // namespace
}  // namespace tandem::lb::compression
