// Messages as text, and decoders fed in every way that a network may cut a message. Unit tests and
// fuzz targets compare such texts: whole, byte by byte and split anywhere must read the same.
#pragma once

#include "http/chunked.h"
#include "http/h1_decoder.h"
#include "http/message.h"

#include <fmt/core.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::http {

inline std::string describe(const BodyFraming& framing) {
  switch (framing.kind) {
    case BodyFraming::Kind::kNone:
      return "none";
    case BodyFraming::Kind::kLength:
      return fmt::format("length {}", framing.length);
    case BodyFraming::Kind::kChunked:
      return "chunked";
    case BodyFraming::Kind::kUntilClose:
      return "until close";
  }
  return "?";
}

inline std::string describe(const FieldList& fields, const char* base) {
  std::string text;
  for (const Field& field : fields)
    text += fmt::format("{}={}|{}{}{}\n", field.name.in(base), field.value.in(base),
                        static_cast<int>(field.id), field.named_by_connection ? " named" : "",
                        field.canonical ? " canonical" : "");
  return text;
}

inline std::string describe(const RequestHead& head, const char* base) {
  return fmt::format(
      "{} [{}] -> {} {}\nversion {} framing {} keep_alive {} expect {} upgrade {} bytes {}\n{}",
      head.method_name.in(base), head.target.in(base), head.authority.in(base),
      head.path_and_query(base), head.version, describe(head.framing), head.keep_alive,
      head.expect_continue, head.upgrade, head.head_bytes, describe(head.fields, base));
}

inline std::string describe(const ResponseHead& head, const char* base) {
  return fmt::format(
      "{} [{}]\nversion {} framing {} keep_alive {} interim {} upgrade {} announced {} bytes "
      "{}\n{}",
      head.status, head.reason.in(base), head.version, describe(head.framing), head.keep_alive,
      head.interim, head.upgrade,
      head.announced_length ? fmt::format("{}", *head.announced_length) : "no", head.head_bytes,
      describe(head.fields, base));
}

inline std::string describe(const ParseError& error) {
  return fmt::format("error {} {} at {}", error.status, error.detail, error.position);
}

/// Shows the decoder the first `steps[0]` bytes, then the first `steps[1]` and so on, each time in
/// an allocation of its own and exact size, so that neither old pointers nor reads past the end
/// go unnoticed. Stops at the first result that is final.
template <class Decoder, class Head>
std::string decode_in_steps(Decoder& decoder, Head& head, std::string_view message,
                            const std::vector<std::size_t>& steps) {
  for (const std::size_t size : steps) {
    const std::vector<char> bytes(message.begin(),
                                  message.begin() + static_cast<std::ptrdiff_t>(size));
    switch (decoder.decode({bytes.data(), bytes.size()}, head)) {
      case DecodeResult::kDone:
        return describe(head, bytes.data());
      case DecodeResult::kError:
        return describe(decoder.error());
      case DecodeResult::kNeedMore:
        break;
    }
  }
  return "more";
}

inline std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> steps;
  for (std::size_t i = 0; i <= size; ++i) steps.push_back(i);
  return steps;
}

inline std::string decode_request(std::string_view message, const std::vector<std::size_t>& steps,
                                  const Limits& limits = {}) {
  RequestDecoder decoder(limits);
  RequestHead head;
  return decode_in_steps(decoder, head, message, steps);
}

inline std::string decode_response(std::string_view message, const std::vector<std::size_t>& steps,
                                   const ResponseContext& context = {}, const Limits& limits = {}) {
  ResponseDecoder decoder(limits);
  decoder.reset(context);
  ResponseHead head;
  return decode_in_steps(decoder, head, message, steps);
}

/// Reads a whole body whose bytes arrive in pieces that end at `ends`, and tells what came of it:
/// data, trailers and how many bytes belonged to it.
template <class Decoder>
std::string decode_body(Decoder& decoder, std::string_view body,
                        const std::vector<std::size_t>& ends) {
  std::string data;
  std::size_t at = 0;
  for (const std::size_t end : ends) {
    const std::vector<char> bytes(body.begin() + static_cast<std::ptrdiff_t>(at),
                                  body.begin() + static_cast<std::ptrdiff_t>(end));
    std::string_view in(bytes.data(), bytes.size());
    while (true) {
      const BodyStep step = decoder.step(in);
      in.remove_prefix(step.consumed);
      at += step.consumed;
      data += step.data;
      if (step.kind == BodyStep::Kind::kError) return describe(decoder.error());
      if (step.kind == BodyStep::Kind::kEnd)
        return fmt::format("[{}] trailers [{}] bytes {}", data, decoder.trailers(), at);
      if (step.kind == BodyStep::Kind::kNeedMore) break;
    }
    if (!in.empty()) return "bytes left over";
  }
  return fmt::format("more after [{}]", data);
}

}  // namespace tandem::http
