// Worker: one thread of the data plane with its loop, its listening sockets, its connections and
// its view of each backend. It owns all of them; others reach it through post().
#pragma once

#include "common/event/loop.h"
#include "common/event/mailbox.h"
#include "common/event/poller.h"
#include "common/event/timer.h"
#include "common/event/wheel.h"
#include "common/file_descriptor.h"
#include "lb/proxy/acceptor.h"
#include "lb/proxy/context.h"
#include "lb/pulse.h"
#include "lb/tls/server_context.h"
#include "lb/upstream/standing.h"

#include <memory>
#include <thread>
#include <vector>

namespace tandem::lb {

/// A listening socket on its way to a worker.
struct ListeningSocket {
  config::FrontendIndex frontend;
  std::uint32_t bind;  // of the frontend
  FileDescriptor socket;
  std::shared_ptr<const tls::ServerContext> tls = nullptr;  // nullptr: clients speak plainly
};

/// Made, started and joined by the control thread.
class Worker {
 public:
  struct Parts {
    const config::Snapshot& snapshot;
    upstream::Shared& shared;
    figures::Figures& figures;
    figures::Captures& captures;
    LogWriter* log_writer;  // nullptr: no access log
    std::span<const route::Router> routers;
    std::span<const std::unique_ptr<upstream::BackendLinks>> links;  // by backend
    std::uint32_t index;
    /// Delivers a granted place to another worker.
    upstream::GrantPlace grant_elsewhere;
    /// Thread: the worker's.
    std::function<void(const proxy::Observation&)> report_error_limit;
  };

  explicit Worker(const Parts& parts);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Before start().
  void listen(ListeningSocket socket);
  void start();
  /// Waits for the thread's end, which finish() asks for.
  void join();

  // ---- from any thread; done in a later turn of the worker
  void apply(config::BackendIndex backend,
             std::shared_ptr<const upstream::BackendStanding> standing);
  void grant(upstream::Ticket ticket, config::BackendIndex backend, balance::ServerIndex server);
  /// Accepts no more and tells clients to close after their present request.
  void stop_softly();
  /// Closes every client connection, whatever it is doing.
  void close_connections();
  /// From now on these addresses, and no others, are moving away: see proxy::Leaving.
  void set_leaving(proxy::LeavingAddresses leaving);
  /// Connections accepted from now on speak TLS by `tls`; `bind` is one of `frontend` that does.
  void set_tls(config::FrontendIndex frontend, std::uint32_t bind,
               std::shared_ptr<const tls::ServerContext> tls);
  /// Once all that was asked of the worker before has been done. `callback`'s thread: the worker's.
  void when_done(std::function<void()> callback);
  /// Shows a watcher that the loop turns.
  void beat_for(Watcher watcher, Milliseconds period);
  /// Ends the thread.
  void finish();

 private:
  struct Grant {
    upstream::Ticket ticket;
    config::BackendIndex backend;
    balance::ServerIndex server;
  };

  void on_grant(const Grant& grant);
  void serve_grants();
  void measure();

  std::uint32_t index_;
  figures::WorkerFigures& figures_;
  event::Loop loop_;
  event::Poller poller_;
  event::Wheel wheel_;
  event::Mailbox mailbox_;
  proxy::AccessLog access_log_;
  proxy::Context context_;
  IntrusiveList<proxy::ClientConnection, proxy::InWorkerList> connections_;
  std::vector<std::unique_ptr<proxy::Acceptor>> acceptors_;
  upstream::GrantPlace grant_elsewhere_;
  std::vector<Grant> grants_;  // to requests of this worker, at the end of the turn
  Heart heart_;
  event::Timer measure_timer_;
  Instant measured_at_;
  std::thread thread_;
};

}  // namespace tandem::lb
