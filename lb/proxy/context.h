// Context: what everything that runs on one worker may use. Made by the worker, outlives all
// connections. Thread: the worker's.
#pragma once

#include "common/buffer_pool.h"
#include "common/event/poller.h"
#include "common/event/wheel.h"
#include "common/random.h"
#include "http/message.h"
#include "lb/compression/encoder_pool.h"
#include "lb/config/snapshot.h"
#include "lb/figures/captures.h"
#include "lb/figures/figures.h"
#include "lb/http2/workspace.h"
#include "lb/proxy/access_log.h"
#include "lb/proxy/leaving.h"
#include "lb/proxy/pipe_pool.h"
#include "lb/route/router.h"
#include "lb/upstream/local_backend.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace tandem::lb::proxy {

class PlaceWaiter;
class RequestSlot;

/// What a worker saw of a server in passing, for `observe`.
struct Observation {
  config::BackendIndex backend;
  balance::ServerIndex server;
  bool layer7;  // a bad answer, not a failed connection
};

struct Context {
  event::Loop& loop;
  event::Poller& poller;
  event::Wheel& wheel;
  const config::Snapshot& snapshot;
  upstream::Shared& shared;
  figures::WorkerFigures& figures;
  figures::Captures& captures;
  AccessLog& access_log;
  std::span<const route::Router> routers;  // by frontend
  std::uint32_t worker;
  /// Tells the control thread that a server has reached its error-limit.
  std::function<void(const Observation&)> report_error_limit;

  BufferPool buffers;
  PipePool pipes{figures.worker(), snapshot.global.nbthread};
  compression::EncoderPool encoders{figures.worker()};
  http2::Workspace http2;
  http::Limits limits;
  Random random{random_seed()};
  std::vector<std::unique_ptr<upstream::LocalBackend>> backends;
  /// Who waits in a queue, by ticket id.
  std::unordered_map<std::uint64_t, PlaceWaiter*> waiting;
  std::uint64_t next_ticket = 0;
  std::vector<std::unique_ptr<RequestSlot>> free_slots;
  bool stopping = false;
  LeavingAddresses leaving;

  /// Bytes of bodies on their way through; also where response heads are read.
  std::array<char, upstream::LocalServer::kHeadReadBytesMax> read_scratch;
  /// A head that is being written; valid until the next one is.
  std::array<char, 64 * 1024> encode_scratch;
};

}  // namespace tandem::lb::proxy
