// Response heads: cutting changes nothing, and what we send on reads back with the same status and
// framing. The first byte chooses the request and the client the response is read for.
#include "http/h1_encoder.h"
#include "test/fuzz/oracle.h"
#include "test/unit/http/describe.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::http {
namespace {

void check_round_trip(std::string_view bytes, const ResponseHead& head,
                      const ResponseContext& context, std::uint8_t client_version) {
  if (head.fields.size() + fuzz::kOwnFieldsMax > kFieldCapacity) return;
  const ResponseEdits edits{.framing = framing_for_client(head, client_version),
                            .keep_upgrade = true};
  std::string out(response_bytes_bound(head, edits), '\0');
  const auto size = encode_response(out, bytes.data(), head, edits);
  fuzz::expect("the bound is enough", size && *size <= out.size());
  const std::string sent = out.substr(0, *size);
  ResponseDecoder decoder{Limits{.head_bytes_max = 1U << 20U}};
  decoder.reset(context);
  ResponseHead received;
  fuzz::expect_same("what we send is a whole head", "done",
                    decoder.decode(sent, received) == DecodeResult::kDone
                        ? "done"
                        : describe(decoder.error()) + "\n" + sent);
  fuzz::expect("all of it", received.head_bytes == sent.size());
  fuzz::expect("status survives", received.status == head.status);
  fuzz::expect_same("framing as announced", describe(edits.framing), describe(received.framing));
  fuzz::expect("announced length survives", received.announced_length == head.announced_length);
}

}  // namespace
}  // namespace tandem::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem;
  using namespace tandem::http;
  if (size == 0) return 0;
  const ResponseContext context{
      .request_method = (data[0] & 1U) != 0 ? Method::kHead : Method::kGet,
      .upgrade_sent = (data[0] & 2U) != 0};
  const std::uint8_t client_version = (data[0] & 4U) != 0 ? 10 : 11;
  // Seeds begin with "H": GET without upgrade for an HTTP/1.1 client. The byte stays part of them.
  const std::string bytes = "H" + std::string(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = decode_response(bytes, {size}, context);
  fuzz::expect_same("cut", whole, decode_response(bytes, fuzz::cuts(bytes, size), context));
  if (size < 512)
    fuzz::expect_same("bytewise", whole, decode_response(bytes, every_byte(size), context));

  ResponseDecoder decoder{Limits{}};
  decoder.reset(context);
  ResponseHead head;
  if (decoder.decode(bytes, head) == DecodeResult::kDone)
    check_round_trip(bytes, head, context, client_version);
  return 0;
}
