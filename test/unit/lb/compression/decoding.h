// What the decoders of zlib and libbrotlidec make of a coded body: strict, from its first byte to
// its last.
#pragma once

#include "http/content_coding.h"

#include <brotli/decode.h>
#include <zlib.h>

#include <array>
#include <string>
#include <string_view>

namespace tandem::lb::compression {

struct Decoded {
  std::string text;
  bool is_whole = false;  // the coding's end has come, and nothing behind it
  bool is_good = true;    // what there is, is right so far
};

inline Decoded decode_gzip(std::string_view coded) {
  constexpr int kGzipOnly = 15 + 16;
  Decoded decoded;
  z_stream stream{};
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) return {.is_good = false};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));
  stream.avail_in = static_cast<uInt>(coded.size());
  std::array<char, 65536> block;
  int result = Z_OK;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = block.size();
    result = inflate(&stream, Z_NO_FLUSH);
    decoded.text.append(block.data(), block.size() - stream.avail_out);
  } while (result == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0));
  decoded.is_whole = result == Z_STREAM_END && stream.avail_in == 0;
  decoded.is_good = result == Z_OK || result == Z_BUF_ERROR || decoded.is_whole;
  inflateEnd(&stream);
  return decoded;
}

inline Decoded decode_brotli(std::string_view coded) {
  Decoded decoded;
  BrotliDecoderState* state = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
  const auto* next_in = reinterpret_cast<const std::uint8_t*>(coded.data());
  std::size_t left = coded.size();
  std::array<std::uint8_t, 65536> block;
  BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
  while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
    std::uint8_t* next_out = block.data();
    std::size_t room = block.size();
    result = BrotliDecoderDecompressStream(state, &left, &next_in, &room, &next_out, nullptr);
    decoded.text.append(reinterpret_cast<const char*>(block.data()), block.size() - room);
  }
  decoded.is_whole = result == BROTLI_DECODER_RESULT_SUCCESS && left == 0;
  decoded.is_good = decoded.is_whole || result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT;
  BrotliDecoderDestroyInstance(state);
  return decoded;
}

inline Decoded decode(http::ContentCoding coding, std::string_view coded) {
  return coding == http::ContentCoding::kBrotli ? decode_brotli(coded) : decode_gzip(coded);
}

}  // namespace tandem::lb::compression
