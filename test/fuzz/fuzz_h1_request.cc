// Request heads: cutting changes nothing; what we forward reads back as the same message and is
// stable; and what we accept, a second parser (http_parser 2.9, strict) accepts too and reads the
// same way.
//
// Legal differences, left out of the comparison: methods http_parser does not know (extension
// methods pass a proxy, RFC 9110 §9.1), hosts and targets it checks against URL tables of its own
// (so only heads whose target it takes), and fields whose names only begin with one it interprets:
// it counts "Transfer-EncodingX" as Transfer-Encoding.
#include "common/text.h"
#include "http/h1_encoder.h"
#include "test/fuzz/oracle.h"
#include "test/unit/http/describe.h"

#include <fmt/core.h>
#include <http_parser.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::http {
namespace {

struct Second {
  std::string target;
  std::size_t fields = 0;
  bool complete = false;
};

/// Called with length 0 too, once or more for each field; http_parser marks its names by a switch
/// from values, which on_value ends.
struct Counter {
  Second second;
  bool in_value = true;
};
int on_field(http_parser* parser, const char* /*at*/, std::size_t /*length*/) {
  auto* counter = static_cast<Counter*>(parser->data);
  if (counter->in_value) ++counter->second.fields;
  counter->in_value = false;
  return 0;
}
int on_value(http_parser* parser, const char* /*at*/, std::size_t /*length*/) {
  static_cast<Counter*>(parser->data)->in_value = true;
  return 0;
}
int on_target(http_parser* parser, const char* at, std::size_t length) {
  static_cast<Counter*>(parser->data)->second.target.append(at, length);
  return 0;
}
int on_head_end(http_parser* parser) {
  static_cast<Counter*>(parser->data)->second.complete = true;
  http_parser_pause(parser, 1);
  return 0;
}

bool is_known_difference(http_errno error) {
  return error == HPE_INVALID_METHOD || error == HPE_INVALID_URL || error == HPE_INVALID_HOST ||
         error == HPE_INVALID_PORT || error == HPE_INVALID_PATH ||
         error == HPE_INVALID_QUERY_STRING;
}

bool begins_like_a_known_field(std::string_view name) {
  for (const std::string_view known :
       {"connection", "content-length", "proxy-connection", "transfer-encoding", "upgrade"})
    if (name.size() > known.size() && equals_ignoring_case(name.substr(0, known.size()), known))
      return true;
  return false;
}

std::string framing_of(const http_parser& parser) {
  if ((parser.flags & F_CHUNKED) != 0) return "chunked";
  return (parser.flags & F_CONTENTLENGTH) != 0 ? fmt::format("length {}", parser.content_length)
                                               : "none";
}

void compare_with_second_parser(std::string_view bytes, const RequestHead& head) {
  for (const Field& field : head.fields)
    if (begins_like_a_known_field(field.name.in(bytes.data()))) return;
  Counter counter;
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  parser.data = &counter;
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_url = on_target;
  settings.on_header_field = on_field;
  settings.on_header_value = on_value;
  settings.on_headers_complete = on_head_end;
  http_parser_execute(&parser, &settings, bytes.data(), head.head_bytes);
  const http_errno error = HTTP_PARSER_ERRNO(&parser);
  if (is_known_difference(error)) return;
  const char* base = bytes.data();
  fuzz::expect(http_errno_description(error), counter.second.complete);
  fuzz::expect_same("target", counter.second.target, std::string(head.target.in(base)));
  fuzz::expect_same("fields", std::to_string(counter.second.fields),
                    std::to_string(head.fields.size()));
  fuzz::expect_same("framing", framing_of(parser), describe(head.framing));
  fuzz::expect_same("method", http_method_str(static_cast<http_method>(parser.method)),
                    std::string(head.method_name.in(base)));
}

std::string encode(const char* base, const RequestHead& head) {
  const RequestEdits edits{.missing_host = "missing.example"};
  std::string out(request_bytes_bound(head, edits), '\0');
  const auto size = encode_request(out, base, head, edits);
  fuzz::expect("the bound is enough", size && *size <= out.size());
  return out.substr(0, *size);
}

/// Forwards what was decoded; decodes that; both must mean the same, and forwarding it again must
/// change no byte.
void check_round_trip(std::string_view bytes, const RequestHead& head) {
  if (head.fields.size() + fuzz::kOwnFieldsMax > kFieldCapacity) return;
  const std::string sent = encode(bytes.data(), head);
  RequestDecoder decoder{Limits{.head_bytes_max = 1U << 20U, .line_bytes_max = 1U << 20U}};
  RequestHead received;
  fuzz::expect_same("what we send is a whole head", "done",
                    decoder.decode(sent, received) == DecodeResult::kDone
                        ? "done"
                        : describe(decoder.error()) + "\n" + sent);
  fuzz::expect("all of it", received.head_bytes == sent.size());
  fuzz::expect("framing survives", received.framing == head.framing);
  fuzz::expect_same("method survives", std::string(head.method_name.in(bytes.data())),
                    std::string(received.method_name.in(sent.data())));
  fuzz::expect_same(
      "authority survives",
      head.authority.empty() ? "missing.example" : std::string(head.authority.in(bytes.data())),
      std::string(received.authority.in(sent.data())));
  fuzz::expect_same("forwarding is stable", sent, encode(sent.data(), received));
}

}  // namespace
}  // namespace tandem::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem;
  using namespace tandem::http;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = decode_request(bytes, {size});
  fuzz::expect_same("cut", whole, decode_request(bytes, fuzz::cuts(bytes, size)));
  if (size < 512) fuzz::expect_same("bytewise", whole, decode_request(bytes, every_byte(size)));

  RequestDecoder decoder{Limits{}};
  RequestHead head;
  if (decoder.decode(bytes, head) != DecodeResult::kDone) return 0;
  compare_with_second_parser(bytes, head);
  check_round_trip(bytes, head);
  return 0;
}
