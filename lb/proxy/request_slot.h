// RequestSlot: everything an HTTP/1 client connection needs while a request is on it, and nothing
// of which it needs while it is idle. Slots are used again, the one used last first.
#pragma once

#include "http/h1_decoder.h"
#include "lb/proxy/exchange.h"
#include "lb/proxy/h1_body.h"

#include <memory>
#include <optional>

namespace tandem::lb::proxy {

/// Owner: a Downstream, or the worker's free list. Thread: the worker's.
class RequestSlot {
 public:
  explicit RequestSlot(Context& context) : exchange(context), decoder(context.limits) {}

  /// From the free list, or a new one.
  [[nodiscard]] static std::unique_ptr<RequestSlot> take(Context& context) {
    if (context.free_slots.empty()) return std::make_unique<RequestSlot>(context);
    auto slot = std::move(context.free_slots.back());
    context.free_slots.pop_back();
    return slot;
  }
  /// Back to the free list; when that is full, the slot that was unused for longest goes. Never the
  /// given one, whose exchange is still on the stack.
  static void give_back(Context& context, std::unique_ptr<RequestSlot> slot) {
    slot->source.reset();
    slot->sink.reset();
    slot->decoder.reset();
    if (context.free_slots.size() < kFreeMax) {
      context.free_slots.push_back(std::move(slot));
    } else {
      context.free_slots.front().swap(slot);
    }
  }

  Exchange exchange;
  http::RequestDecoder decoder;
  std::optional<H1Source> source;  // the request's body
  std::optional<H1Sink> sink;      // the response's body

 private:
  static constexpr std::size_t kFreeMax = 1024;
};

}  // namespace tandem::lb::proxy
