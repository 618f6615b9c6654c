// Encoder: one stream of bytes into one content coding. What is behind it (zlib, libbrotlienc) is
// seen nowhere else.
#pragma once

#include "http/content_coding.h"

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tandem::lb::compression {

struct EncoderOptions {
  http::ContentCoding coding = http::ContentCoding::kGzip;
  int level = 1;                        // 1 to 9: quick to thorough
  std::optional<std::uint64_t> length;  // bytes that are to come, if that is known
};

/// Owner: whoever compresses. Thread: one at a time. A lack of memory ends the process.
class Encoder {
 public:
  /// How much of what it has been given comes out.
  enum class Until : std::uint8_t {
    kMore,   // what it likes: more will come soon
    kFlush,  // all: whoever reads can decode every byte so far
    kEnd,    // all, and the end of the coding behind it
  };

  virtual ~Encoder() = default;

  /// Writes to the beginning of `out`, which grows where it must and never shrinks. What is given
  /// at once, what the encoder holds (under 300 KB), and a few bytes are the bound of that.
  /// @return bytes written. Not to be called behind kEnd.
  [[nodiscard]] virtual std::size_t encode(std::span<const iovec> pieces, Until until,
                                           std::vector<char>& out) = 0;

  /// Most memory it takes for itself.
  [[nodiscard]] virtual std::size_t memory_max() const noexcept = 0;
  /// It can be used for another stream, with restart(), whatever became of the last one.
  [[nodiscard]] virtual bool is_reusable() const noexcept = 0;
  /// Only of one that is reusable.
  virtual void restart(int level) = 0;
};

/// memory_max() of such an encoder.
[[nodiscard]] std::size_t encoder_memory_max(const EncoderOptions& options) noexcept;

[[nodiscard]] std::unique_ptr<Encoder> make_encoder(const EncoderOptions& options);

}  // namespace tandem::lb::compression
