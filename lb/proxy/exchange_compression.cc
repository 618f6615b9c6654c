// Whether an exchange compresses the body of its answer, and what that changes in the head.
#include "lb/proxy/exchange.h"

#include <utility>

namespace tandem::lb::proxy {

const config::Compression* Exchange::compression() const noexcept {
  const std::optional<config::Compression>& own = backend().config().compression;
  const std::optional<config::Compression>& settings = own ? own : frontend().compression;
  return settings && settings->is_on() ? &*settings : nullptr;
}

compression::HeadEdits Exchange::plan_compression(http::BodyFraming& framing) {
  using Kind = compression::Decision::Kind;
  const config::Compression* settings = compression();
  if (settings == nullptr) return {};
  const compression::Messages messages{.request = request_,
                                       .request_base = client_->request_base(),
                                       .response = response_,
                                       .response_base = upstream_->response_base()};
  compression::Decision decision = compression::decide(*settings, messages);
  if (decision.kind == Kind::kCompress && !begin_compression(*settings, decision.coding, framing))
    decision.kind = Kind::kVary;
  return {decision, messages};
}

bool Exchange::begin_compression(const config::Compression& settings, http::ContentCoding coding,
                                 http::BodyFraming& framing) {
  if (request_.method == http::Method::kHead) {
    // What a GET would be answered with has another length, which nobody knows.
    response_.announced_length.reset();
    return true;
  }
  compression::EncoderOptions options{.coding = coding, .level = settings.level};
  if (response_.framing.kind == http::BodyFraming::Kind::kLength)
    options.length = response_.framing.length;
  compression::EncoderLease encoder = context_.encoders.take(options);
  bypasses_compression_ = !encoder;
  if (!encoder) return false;
  compressor_.begin(std::move(encoder), coding);
  framing = {.kind = http::BodyFraming::Kind::kChunked};
  return true;
}

void Exchange::fill_compression(Outcome& outcome) const {
  if (bypasses_compression_) outcome.bytes_bypassed = response_pump_.bytes();
  if (!compressor_.is_on()) return;
  outcome.coding = http::name_of(*compressor_.coding());
  outcome.bytes_before_coding = compressor_.bytes_in();
  outcome.bytes_after_coding = compressor_.bytes_out();
}

}  // namespace tandem::lb::proxy
