#include "lb/compression/encoder.h"

#include "common/check.h"

#include <brotli/encode.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

namespace tandem::lb::compression {
namespace {

/// `out` grows by this when it is full, and has this room at least.
constexpr std::size_t kRoomBytes = 32 * 1024;

/// Room for more behind the `used` bytes of `out`.
std::span<char> room(std::vector<char>& out, std::size_t used) {
  if (out.size() - used < kRoomBytes / 2) out.resize(used + kRoomBytes);
  return std::span(out).subspan(used);
}

// As measured, rounded up (docs/decisions/compression.md); a test holds them.
constexpr std::size_t kGzipMemory = 264 * 1024;

std::size_t brotli_memory_max(int level) noexcept {
  constexpr std::size_t kKiB = 1024;
  if (level <= 1) return 272 * kKiB;
  if (level <= 3) return 1024 * kKiB;
  return level <= 8 ? 2048 * kKiB : 2816 * kKiB;
}

class GzipEncoder final : public Encoder {
 public:
  explicit GzipEncoder(int level) : level_(level) {
    // The largest window, and as much memory for the rest of the state: 256 KiB.
    constexpr int kWindowBits = 15;
    constexpr int kGzipWrapper = 16;
    constexpr int kMemoryLevel = 8;
    TANDEM_CHECK(deflateInit2(&stream_, level, Z_DEFLATED, kWindowBits + kGzipWrapper, kMemoryLevel,
                              Z_DEFAULT_STRATEGY) == Z_OK);
  }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;
  ~GzipEncoder() override { static_cast<void>(deflateEnd(&stream_)); }

  std::size_t encode(std::span<const iovec> pieces, Until until, std::vector<char>& out) override {
    std::size_t used = 0;
    for (const iovec& piece : pieces) {
      TANDEM_CHECK(piece.iov_len <= std::numeric_limits<uInt>::max());
      stream_.next_in = static_cast<Bytef*>(piece.iov_base);
      stream_.avail_in = static_cast<uInt>(piece.iov_len);
      while (stream_.avail_in > 0) used += step(Z_NO_FLUSH, out, used);
    }
    if (until == Until::kMore) return used;
    const int how = until == Until::kEnd ? Z_FINISH : Z_SYNC_FLUSH;
    do {
      used += step(how, out, used);
    } while (stream_.avail_out == 0);
    return used;
  }

  std::size_t memory_max() const noexcept override { return kGzipMemory; }
  bool is_reusable() const noexcept override { return true; }
  void restart(int level) override {
    TANDEM_CHECK(deflateReset(&stream_) == Z_OK);
    if (level != level_) TANDEM_CHECK(deflateParams(&stream_, level, Z_DEFAULT_STRATEGY) == Z_OK);
    level_ = level;
  }

 private:
  std::size_t step(int how, std::vector<char>& out, std::size_t used) {
    const std::span<char> free = room(out, used);
    stream_.next_out = reinterpret_cast<Bytef*>(free.data());
    stream_.avail_out = static_cast<uInt>(free.size());
    const int result = deflate(&stream_, how);
    // Z_BUF_ERROR: the last step filled its room to the byte and nothing was left.
    TANDEM_CHECK(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR);
    return free.size() - stream_.avail_out;
  }

  z_stream stream_{};
  int level_;
};

class BrotliEncoder final : public Encoder {
 public:
  BrotliEncoder(int level, std::optional<std::uint64_t> length)
      : level_(level), state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
    // A window of 64 KiB, twice that of gzip: with the next larger one the upper levels take 35 MB.
    constexpr std::uint32_t kWindowBits = 16;
    TANDEM_CHECK(state_ != nullptr);
    set(BROTLI_PARAM_QUALITY, static_cast<std::uint32_t>(level));
    set(BROTLI_PARAM_LGWIN, kWindowBits);
    // From 1 MiB on it takes the tables that are made for much larger windows.
    constexpr std::uint64_t kHintMax = (1U << 20U) - 1;
    if (length)
      set(BROTLI_PARAM_SIZE_HINT, static_cast<std::uint32_t>(std::min(*length, kHintMax)));
  }
  BrotliEncoder(const BrotliEncoder&) = delete;
  BrotliEncoder& operator=(const BrotliEncoder&) = delete;
  ~BrotliEncoder() override { BrotliEncoderDestroyInstance(state_); }

  std::size_t encode(std::span<const iovec> pieces, Until until, std::vector<char>& out) override {
    std::size_t used = 0;
    for (const iovec& piece : pieces) used += step(BROTLI_OPERATION_PROCESS, piece, out, used);
    if (until == Until::kFlush) used += step(BROTLI_OPERATION_FLUSH, {}, out, used);
    if (until == Until::kEnd) used += step(BROTLI_OPERATION_FINISH, {}, out, used);
    return used;
  }

  std::size_t memory_max() const noexcept override { return brotli_memory_max(level_); }
  bool is_reusable() const noexcept override { return false; }
  void restart(int) override {}

 private:
  void set(BrotliEncoderParameter parameter, std::uint32_t value) {
    TANDEM_CHECK(BrotliEncoderSetParameter(state_, parameter, value) == BROTLI_TRUE);
  }

  std::size_t step(BrotliEncoderOperation how, const iovec& piece, std::vector<char>& out,
                   std::size_t used) {
    const auto* next_in = static_cast<const std::uint8_t*>(piece.iov_base);
    std::size_t left = piece.iov_len;
    const std::size_t before = used;
    do {
      const std::span<char> free = room(out, used);
      auto* next_out = reinterpret_cast<std::uint8_t*>(free.data());
      std::size_t room_left = free.size();
      TANDEM_CHECK(BrotliEncoderCompressStream(state_, how, &left, &next_in, &room_left, &next_out,
                                               nullptr) == BROTLI_TRUE);
      used += free.size() - room_left;
    } while (left > 0 || BrotliEncoderHasMoreOutput(state_) == BROTLI_TRUE);
    return used - before;
  }

  int level_;
  BrotliEncoderState* state_;
};

}  // namespace

std::size_t encoder_memory_max(const EncoderOptions& options) noexcept {
  return options.coding == http::ContentCoding::kBrotli ? brotli_memory_max(options.level)
                                                        : kGzipMemory;
}

std::unique_ptr<Encoder> make_encoder(const EncoderOptions& options) {
  if (options.coding == http::ContentCoding::kBrotli)
    return std::make_unique<BrotliEncoder>(options.level, options.length);
  return std::make_unique<GzipEncoder>(options.level);
}

}  // namespace tandem::lb::compression
