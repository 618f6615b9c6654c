#include "lb/proxy/h2_body.h"

#include <utility>

namespace tandem::lb::proxy {

http::BodyStep H2Source::next() {
  using Kind = http::BodyStep::Kind;
  const std::string_view rest = stream_.unread().substr(handed_out_);
  if (!rest.empty()) {
    handed_out_ += rest.size();
    return {.kind = Kind::kData, .consumed = rest.size(), .data = rest};
  }
  return {.kind = stream_.has_ended() ? Kind::kEnd : Kind::kNeedMore};
}

void H2Source::let_go() {
  if (handed_out_ == 0) return;
  carrier_.session().consume(stream_, std::exchange(handed_out_, 0));
  carrier_.send_soon();
}

BodySource::Fill H2Source::fill() {
  let_go();
  if (!stream_.unread().empty()) return Fill::kDone;
  return stream_.is_broken() ? Fill::kFailed : Fill::kBlocked;
}

bool H2Sink::flush() {
  carrier_.send_soon();
  return !stream_.is_broken();
}

bool H2Sink::send(std::span<const iovec> pieces, bool last, std::string_view trailers) {
  if (stream_.is_broken()) return false;
  carrier_.session().send(stream_, pieces, last, trailers);
  carrier_.send_soon();
  return true;
}

}  // namespace tandem::lb::proxy
