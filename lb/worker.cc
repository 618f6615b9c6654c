#include "lb/worker.h"

#include "lb/proxy/placement.h"
#include "lb/proxy/request_slot.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace tandem::lb {
namespace {

constexpr std::chrono::seconds kMeasureEvery{1};

}  // namespace

Worker::Worker(const Parts& parts)
    : index_(parts.index),
      figures_(parts.figures.of(parts.index)),
      poller_(loop_),
      wheel_(loop_),
      mailbox_(loop_),
      access_log_(parts.snapshot, parts.log_writer, parts.index, figures_.worker()),
      context_{.loop = loop_,
               .poller = poller_,
               .wheel = wheel_,
               .snapshot = parts.snapshot,
               .shared = parts.shared,
               .figures = figures_,
               .captures = parts.captures,
               .access_log = access_log_,
               .routers = parts.routers,
               .worker = parts.index,
               .report_error_limit = parts.report_error_limit},
      grant_elsewhere_(parts.grant_elsewhere),
      heart_(loop_, static_cast<std::uint16_t>(parts.index)),
      measure_timer_(loop_, [this] { measure(); }) {
  const upstream::LocalBackend::Parts backend_parts{.snapshot = parts.snapshot,
                                                    .shared = parts.shared,
                                                    .figures = figures_,
                                                    .poller = poller_,
                                                    .wheel = wheel_,
                                                    .worker = parts.index,
                                                    .workers = parts.figures.workers(),
                                                    .seed = context_.random.next()};
  for (config::BackendIndex b = 0; b < parts.snapshot.backends.size(); ++b) {
    context_.backends.push_back(std::make_unique<upstream::LocalBackend>(
        b, backend_parts, *parts.links[b],
        [this](upstream::Ticket ticket, config::BackendIndex backend, balance::ServerIndex server) {
          on_grant({ticket, backend, server});
        }));
  }
  poller_.set_on_turn_end([this] { serve_grants(); });
}

Worker::~Worker() = default;

void Worker::listen(ListeningSocket socket) {
  acceptors_.push_back(std::make_unique<proxy::Acceptor>(
      context_, connections_, proxy::Acceptor::Place{socket.frontend, socket.bind},
      std::move(socket.tls), socket.socket.release()));
}

void Worker::start() {
  measured_at_ = Clock::now();
  measure_timer_.start_periodic(kMeasureEvery, kMeasureEvery);
  thread_ = std::thread([this] { poller_.run(); });
  pthread_setname_np(thread_.native_handle(), ("worker-" + std::to_string(index_)).c_str());
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::apply(config::BackendIndex backend,
                   std::shared_ptr<const upstream::BackendStanding> standing) {
  mailbox_.post([this, backend, standing = std::move(standing)] {
    context_.backends[backend]->apply(*standing);
  });
}

void Worker::grant(upstream::Ticket ticket, config::BackendIndex backend,
                   balance::ServerIndex server) {
  mailbox_.post([this, ticket, backend, server] { on_grant({ticket, backend, server}); });
}

void Worker::stop_softly() {
  mailbox_.post([this] {
    context_.stopping = true;
    for (const auto& acceptor : acceptors_) acceptor->stop();
    connections_.for_each([](proxy::ClientConnection& connection) { connection.stop_soon(); });
  });
}

void Worker::close_connections() {
  mailbox_.post([this] {
    connections_.for_each([](proxy::ClientConnection& connection) { connection.stop_now(); });
  });
}

void Worker::set_leaving(proxy::LeavingAddresses leaving) {
  mailbox_.post(
      [this, leaving = std::move(leaving)]() mutable { context_.leaving = std::move(leaving); });
}

void Worker::set_tls(config::FrontendIndex frontend, std::uint32_t bind,
                     std::shared_ptr<const tls::ServerContext> tls) {
  mailbox_.post([this, frontend, bind, tls = std::move(tls)] {
    for (const auto& acceptor : acceptors_)
      if (acceptor->frontend_index() == frontend && acceptor->bind_index() == bind)
        acceptor->set_tls(tls);
  });
}

void Worker::when_done(std::function<void()> callback) { mailbox_.post(std::move(callback)); }

void Worker::beat_for(Watcher watcher, Milliseconds period) {
  mailbox_.post([this, watcher = std::move(watcher), period] { heart_.beat_for(watcher, period); });
}

void Worker::finish() {
  mailbox_.post([this] {
    connections_.for_each([](proxy::ClientConnection& connection) { connection.stop_now(); });
    loop_.stop();
  });
}

void Worker::on_grant(const Grant& grant) {
  if (grant.ticket.worker != index_) {
    grant_elsewhere_(grant.ticket, grant.backend, grant.server);
    return;
  }
  // Not at once: whoever gives a place back is in the middle of something.
  grants_.push_back(grant);
  poller_.end_turn_soon();
}

void Worker::serve_grants() {
  // Serving one may free another place, and so append.
  for (std::size_t i = 0; i < grants_.size(); ++i) {
    const Grant grant = grants_[i];
    const auto waiting = context_.waiting.find(grant.ticket.id);
    if (waiting != context_.waiting.end()) {
      proxy::PlaceWaiter& waiter = *waiting->second;
      context_.waiting.erase(waiting);
      waiter.on_place(grant.server);
    } else if (grant.server != upstream::kChooseAgain) {
      // It left while the place was on its way.
      context_.backends[grant.backend]->give_place_back(grant.server);
    }
  }
  grants_.clear();
}

void Worker::measure() {
  const Instant now = Clock::now();
  figures::WorkerCells& cells = figures_.worker();
  const Duration late = now - measured_at_ - kMeasureEvery;
  measured_at_ = now;
  cells.loop_lag_microseconds.set(std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::microseconds>(late).count()));
  cells.loop_busy_permille.set(static_cast<std::int64_t>(loop_.busy_ratio() * 1000));
  cells.accept_queues_full.set(std::ranges::count_if(
      acceptors_, [](const auto& acceptor) { return acceptor->has_full_queue(); }));
  cells.buffers_bytes.set(static_cast<std::int64_t>(context_.buffers.in_use()));
}

}  // namespace tandem::lb
