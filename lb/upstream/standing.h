// Standing: what the control thread has decided about the servers of a backend, published to the
// workers as an immutable whole. The workers never decide a server's state themselves.
#pragma once

#include "common/address.h"
#include "lb/config/snapshot.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace tandem::lb::upstream {

struct ServerStanding {
  std::uint32_t weight = 0;     // effective, 1/16 units (balance::Candidate::weight)
  bool usable = false;          // may get new requests from the policy
  bool keeps_idle = true;       // pooled idle connections may stay (false: drain, maint, down)
  std::uint32_t maxconn = 0;    // 0: no limit
  SocketAddress address;        // changes drop the pooled connections of the old one
  std::uint32_t shutdowns = 0;  // raised by one: end the running sessions on this server
};

/// All servers of one backend, in file order. Thread: any.
struct BackendStanding {
  std::vector<ServerStanding> servers;
};

/// What the control thread can ask of the data plane. Implemented by the process; calls return at
/// once, the workers act in their next turn. Thread: control.
class DataPlane {
 public:
  virtual ~DataPlane() = default;
  virtual void publish(config::BackendIndex backend,
                       std::shared_ptr<const BackendStanding> standing) = 0;
};

}  // namespace tandem::lb::upstream
