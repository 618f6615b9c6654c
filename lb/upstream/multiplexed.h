// Multiplexed: a connection to a server on which several requests run at once (HTTP/2). Its server
// knows which there are; what is spoken on them is not its business.
#pragma once

#include "common/intrusive_list.h"

namespace tandem::lb::upstream {

struct InMultiplexed {};

/// Owns itself; takes itself out of its server's list. Thread: the worker's.
class Multiplexed : public ListLink<InMultiplexed> {
 public:
  virtual ~Multiplexed() = default;

  /// One more request may be put on it.
  [[nodiscard]] virtual bool has_room() const = 0;
  /// Takes no more requests, and closes when the last has ended.
  virtual void retire() = 0;
};

}  // namespace tandem::lb::upstream
