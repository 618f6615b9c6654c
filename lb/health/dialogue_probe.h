// A Dialogue on a connection, as a Probe. Internal to lb/health.
#pragma once

#include "common/event/poller.h"
#include "lb/health/dialogue.h"
#include "lb/health/prober.h"

#include <memory>

namespace tandem::lb::health {

/// Thread: the poller's. As ProbeKind::start.
[[nodiscard]] std::unique_ptr<Probe> start_dialogue_probe(event::Poller& poller,
                                                          const ProbeTarget& target, ProbeDone done,
                                                          std::unique_ptr<Dialogue> dialogue);

}  // namespace tandem::lb::health
