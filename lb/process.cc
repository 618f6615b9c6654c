#include "lb/process.h"

#include "common/daemon.h"
#include "common/log.h"
#include "common/random.h"
#include "lb/admin/readiness.h"
#include "lb/control/commands.h"
#include "lb/health/probes.h"
#include "lb/listeners.h"
#include "lb/proxy/access_log.h"
#include "lb/version.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <utility>

namespace tandem::lb {
namespace {

constexpr std::chrono::seconds kTickEvery{1};
constexpr Milliseconds kStopLookEvery{20};
// Where another node can take the address over, clients come here until it has, and that may take
// a busy machine a while: the doors close when none has come for so long, after the address is
// known to have gone for the second, in any case after the third.
constexpr Milliseconds kHandOver{500};
constexpr Milliseconds kLastClients{50};
constexpr Milliseconds kDoorsMost{3'000};
constexpr std::uint32_t kFullQueueTicks = 3;
// Once full, a data plane must have had room for so long before it is said to have some: else the
// address would swing between two nodes that are full in turn.
constexpr std::chrono::seconds kRoomAgainAfter{10};
// Connections cut at the end of the grace get this long to be counted out.
constexpr Milliseconds kCutTime{500};
// Descriptors besides two for each client connection: checks, control, logs, listeners, pipes.
constexpr std::uint64_t kOwnDescriptors = 256;
// Named in one line of the log.
constexpr std::size_t kAddressesNamedMax = 8;

std::uint64_t microseconds_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count());
}

std::int64_t unix_seconds_now() {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

std::string list_of(std::span<const IpAddress> addresses) {
  std::string list;
  for (const IpAddress& address : addresses.first(std::min(addresses.size(), kAddressesNamedMax))) {
    if (!list.empty()) list += ", ";
    list += address.text();
  }
  if (addresses.size() > kAddressesNamedMax)
    list += fmt::format(" and {} more", addresses.size() - kAddressesNamedMax);
  return list;
}

}  // namespace

Process::Process(Settings settings)
    : snapshot_(std::move(settings.snapshot)),
      worker_count_(snapshot_->global.nbthread),
      shared_(*snapshot_),
      figures_(*snapshot_, worker_count_),
      captures_(*snapshot_),
      totals_(*snapshot_, figures_),
      poller_(loop_),
      mailbox_(loop_),
      checker_alarm_(health::make_loop_alarm(loop_)),
      fleet_alarm_(health::make_loop_alarm(loop_)),
      prober_(health::make_socket_prober(poller_)),
      expiry_watch_(unix_seconds_now()),
      tick_timer_(loop_, [this] { tick(); }),
      doors_timer_(loop_, [this] { look_at_doors(); }),
      stop_timer_(loop_, [this] { look_whether_idle(); }) {
  for (const config::Frontend& frontend : snapshot_->frontends) routers_.emplace_back(frontend);
  for (std::size_t b = 0; b < snapshot_->backends.size(); ++b) {
    links_.push_back(std::make_unique<upstream::BackendLinks>(
        snapshot_->backends[b], shared_.backends[b], shared_.servers[b], worker_count_));
  }
  info_ = {.version = kVersion,
           .release_date = kReleaseDate,
           .pid = ::getpid(),
           .started = loop_.now(),
           .started_at = std::chrono::system_clock::now(),
           .descriptors_limit = daemon::raise_descriptor_limit(),
           .warnings = settings.warnings};
  facts_.config_hash = std::move(settings.config_hash);
  facts_.last_reload_at = info_.started_at;
}

Process::~Process() {
  for (const auto& worker : workers_) worker->finish();
  for (const auto& worker : workers_) worker->join();
}

Result<void> Process::open() {
  const config::Global& global = snapshot_->global;
  if (auto known = daemon::check_identity(global.user, global.group); !known) return known;
  auto sockets = open_listeners(*snapshot_, worker_count_);
  if (!sockets) return std::unexpected(sockets.error());
  info_.listeners = static_cast<std::uint32_t>(sockets->front().size());
  open_certificates(sockets->front());
  for (const config::Frontend& frontend : snapshot_->frontends)
    if (!frontend.binds.empty()) ++facts_.frontends_listening;
  auto writer = proxy::open_access_log(snapshot_->access_log, worker_count_);
  if (!writer) return fail("/log/access/target: " + writer.error().message);
  log_writer_ = std::move(*writer);

  health::Checker::Callbacks callbacks;
  callbacks.on_change = [this](health::BackendIndex backend, health::ServerIndex server,
                               const health::ServerHealth& health) {
    fleet_->health_changed({backend, server}, health);
  };
  callbacks.on_result = [this](health::BackendIndex backend, health::ServerIndex server,
                               const health::Result& result) {
    if (settings_) settings_->checked({backend, server}, result);
  };
  callbacks.on_agent = [this](health::BackendIndex backend, health::ServerIndex server,
                              const health::AgentReply& reply) {
    return fleet_->agent_said({backend, server}, reply);
  };
  checker_ = std::make_unique<health::Checker>(*prober_, *checker_alarm_, std::move(callbacks),
                                               random_seed());
  checker_->configure(snapshot_);
  fleet_ = std::make_unique<upstream::Fleet>(
      upstream::Fleet::Parts{*snapshot_, shared_, *this, *checker_, *fleet_alarm_});
  control_ = std::make_unique<control::ControlContext>(control::ControlContext{
      *snapshot_, *fleet_, shared_, totals_, captures_, info_, *certificates_});
  control::add_commands(commands_, *control_);
  command_server_ = std::make_unique<command::CommandServer>(
      poller_, commands_, [this](std::function<void()> done) { return settle(std::move(done)); });
  for (std::size_t i = 0; i < snapshot_->runtime.size(); ++i) {
    const config::RuntimeSocket& socket = snapshot_->runtime[i];
    const command::Endpoint endpoint{.address = socket.address,
                                     .mode = socket.mode,
                                     .level = static_cast<command::Level>(socket.level)};
    if (auto bound = command_server_->listen(endpoint, fmt::format("/runtime/{}/bind", i)); !bound)
      return bound;
  }
  admin_source_ = std::make_unique<admin::Source>(
      admin::Source{control_->source(), figures_, info_, facts_, &pair_});
  admin_endpoints_ = std::make_unique<admin::Endpoints>(snapshot_->admin, *admin_source_);
  admin_server_ = std::make_unique<tandem::admin::AdminServer>(poller_, *admin_endpoints_);
  if (snapshot_->admin.bind) {
    if (auto bound = admin_server_->listen(*snapshot_->admin.bind); !bound)
      return fail("/admin/bind: " + bound.error().message);
  }
  if (auto listens = open_pulse(); !listens) return listens;
  if (auto became = daemon::become(global.user, global.group); !became) return became;
  check_descriptor_limit();
  make_workers(std::move(*sockets));
  return {};
}

void Process::open_certificates(const std::vector<ListeningSocket>& sockets) {
  using Store = control::CertificateStore;
  certificates_ = std::make_unique<Store>(
      *snapshot_, [this](Store::Place place, const Store::Context& context) {
        has_published_ = true;
        for (const auto& worker : workers_) worker->set_tls(place.frontend, place.bind, context);
      });
  for (const ListeningSocket& socket : sockets)
    if (socket.tls) certificates_->began({socket.frontend, socket.bind}, socket.tls);
}

Result<void> Process::open_pulse() {
  if (!snapshot_->pulse.bind) return {};
  PulseListener::Callbacks callbacks;
  callbacks.beat_for = [this](const Watcher& watcher, Milliseconds period) {
    for (const auto& worker : workers_) worker->beat_for(watcher, period);
  };
  callbacks.condition = [this] { return condition(); };
  callbacks.settings = [this] { return settings_->all(); };
  callbacks.on_setting = [this](const pulse::ServerSetting& setting) { settings_->take(setting); };
  callbacks.on_leaving = [this](std::span<const IpAddress> addresses) { set_leaving(addresses); };
  callbacks.on_picture = [this](const pulse::Picture& picture) {
    pair_.take(picture.json, loop_.now());
  };
  callbacks.on_alone = [this] { pair_.lose(); };
  pulse_ = std::make_unique<PulseListener>(poller_, std::move(callbacks));
  settings_ = std::make_unique<upstream::ServerSettings>(upstream::ServerSettings::Parts{
      .fleet = *fleet_, .microseconds = microseconds_now, .tell = [this](const auto& setting) {
        pulse_->tell(setting);
      }});
  return pulse_->listen(*snapshot_->pulse.bind);
}

void Process::set_leaving(std::span<const IpAddress> addresses) {
  if (addresses.empty())
    log::notice("no address moves to the other node any more: connections stay as they are");
  else
    log::notice("connections to {} are ending softly: {}", list_of(addresses),
                addresses.size() == 1 ? "the address moves to the other node"
                                      : "the addresses move to the other node");
  proxy::LeavingAddresses leaving;
  if (!addresses.empty()) leaving = std::make_shared<const proxy::Leaving>(addresses);
  for (const auto& worker : workers_) worker->set_leaving(leaving);
  if (!info_.stopping || info_.listeners == 0 || !leaving) return;
  doors_look_every_ = kLastClients;
  doors_timer_.start(doors_look_every_);
}

pulse::Condition Process::condition() const {
  using enum pulse::Condition::Fitness;
  pulse::Condition condition{.workers = static_cast<std::uint16_t>(worker_count_)};
  condition.why = admin::why_not_ready(*admin_source_);
  if (info_.stopping)
    condition.fitness = kStopping;
  else if (!condition.why.empty())
    condition.fitness = kNotReady;
  else if (!exhaustion_.empty())
    condition = {.workers = condition.workers, .fitness = kExhausted, .why = exhaustion_};
  return condition;
}

void Process::check_descriptor_limit() {
  const std::uint64_t wanted = 2ULL * snapshot_->global.maxconn + kOwnDescriptors;
  if (info_.descriptors_limit >= wanted) return;
  log::warning(
      "/global/maxconn: {} connections need {} file descriptors, the limit is {}: raise it "
      "(LimitNOFILE, ulimit -n) or lower maxconn",
      snapshot_->global.maxconn, wanted, info_.descriptors_limit);
}

void Process::make_workers(std::vector<std::vector<ListeningSocket>> sockets) {
  for (std::uint32_t w = 0; w < worker_count_; ++w) {
    workers_.push_back(std::make_unique<Worker>(Worker::Parts{
        .snapshot = *snapshot_,
        .shared = shared_,
        .figures = figures_,
        .captures = captures_,
        .log_writer = log_writer_.get(),
        .routers = routers_,
        .links = links_,
        .index = w,
        .grant_elsewhere =
            [this](upstream::Ticket ticket, config::BackendIndex backend,
                   balance::ServerIndex server) {
              workers_[ticket.worker]->grant(ticket, backend, server);
            },
        .report_error_limit =
            [this](const proxy::Observation& seen) {
              mailbox_.post([this, seen] {
                checker_->note_errors(seen.backend, seen.server,
                                      seen.layer7 ? "bad responses" : "failed connections",
                                      fleet_->is_last({seen.backend, seen.server}));
              });
            }}));
    for (ListeningSocket& socket : sockets[w]) workers_[w]->listen(std::move(socket));
  }
}

void Process::publish(config::BackendIndex backend,
                      std::shared_ptr<const upstream::BackendStanding> standing) {
  has_published_ = true;
  for (const auto& worker : workers_) worker->apply(backend, standing);
}

/// A command is answered when every worker goes by what it has changed.
bool Process::settle(std::function<void()> done) {
  if (fleet_->has_changes()) fleet_->flush();
  if (!std::exchange(has_published_, false)) return true;
  const auto ignorant = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  for (const auto& worker : workers_) {
    worker->when_done([this, ignorant, done] {
      if (--*ignorant == 0) mailbox_.post(done);
    });
  }
  return false;
}

int Process::run() {
  // Every worker knows all servers before it accepts its first connection.
  fleet_->flush();
  for (const auto& worker : workers_) worker->start();
  watch_signals();
  tick_timer_.start_periodic(kTickEvery, kTickEvery);
  info_.boot_milliseconds = to_milliseconds(Clock::now() - info_.started);
  log::notice("ready: {} frontends, {} backends, {} workers", snapshot_->frontends.size(),
              snapshot_->backends.size(), worker_count_);
  daemon::notify("READY=1");
  loop_.run();
  for (const auto& worker : workers_) worker->finish();
  for (const auto& worker : workers_) worker->join();
  log::notice("stopped");
  return 0;
}

void Process::watch_signals() {
  signals_.emplace_back(loop_, SIGTERM, [this] { begin_stop(Stop::kWithinGrace); });
  signals_.emplace_back(loop_, SIGINT, [this] { begin_stop(Stop::kWithinGrace); });
  signals_.emplace_back(loop_, SIGUSR1, [this] { begin_stop(Stop::kWhenIdle); });
  signals_.emplace_back(loop_, SIGQUIT, [this] { begin_stop(Stop::kWhenIdle); });
  for (const int number : {SIGHUP, SIGUSR2}) {
    signals_.emplace_back(loop_, number, [] {
      log::warning(
          "reload is not supported yet: stop (TERM) and start to change the configuration");
    });
  }
}

void Process::tick() {
  loop_.update_now();
  totals_.tick(loop_.now());
  for (config::BackendIndex b = 0; b < snapshot_->backends.size(); ++b)
    upstream::raise(shared_.backends[b].load_most, shared_.requests(b));
  if (log_writer_) info_.log_lost = log_writer_->lost();
  if (const std::int64_t now = unix_seconds_now(); expiry_watch_.is_due(now)) {
    for (const config::CertificateInfo& one : certificates_->served())
      if (const auto words = tls::words_of_expiry(one.expires_at, now))
        log::warning("certificate {}: {}", one.path, *words);
  }
  look_for_exhaustion();
}

void Process::look_for_exhaustion() {
  const figures::WorkerTotals now = totals_.process();
  const bool is_failing =
      std::exchange(accept_failures_seen_, now.accept_failures) != now.accept_failures;
  // Full once is a burst; full at every look is a data plane that does not keep up.
  full_queue_ticks_ = now.accept_queues_full > 0 ? full_queue_ticks_ + 1 : 0;
  if (is_failing || full_queue_ticks_ >= kFullQueueTicks)
    exhausted_until_ = loop_.now() + kRoomAgainAfter;
  else if (loop_.now() >= exhausted_until_)
    exhaustion_.clear();
  if (is_failing)
    exhaustion_ = "no descriptors or no memory for further connections";
  else if (full_queue_ticks_ >= kFullQueueTicks)
    exhaustion_ = "accept queues are full";
}

void Process::begin_stop(Stop how) {
  const config::Global& global = snapshot_->global;
  const Milliseconds limit = how == Stop::kWithinGrace ? global.grace : global.hard_stop_after;
  const Instant deadline = loop_.now() + limit;
  if (info_.stopping) {
    // A second signal may only shorten the wait; once connections are cut there is none any more.
    if (stop_deadline_ != Instant::max()) stop_deadline_ = std::min(stop_deadline_, deadline);
    return;
  }
  info_.stopping = true;
  shared_.process.stopping = true;
  stop_deadline_ = deadline;
  log::notice("stopping: {} connections have {} to finish", shared_.process.connections.load(),
              format_duration(limit));
  daemon::notify("STOPPING=1");
  // Before the listening sockets go: the other node takes over while this one finishes.
  if (pulse_) pulse_->tell();
  const bool is_watched = pulse_ && pulse_->is_watched();
  doors_look_every_ = is_watched ? kHandOver : Milliseconds(0);
  doors_until_ = is_watched ? std::min(loop_.now() + kDoorsMost, deadline) : loop_.now();
  clients_seen_ = totals_.process().connections;
  doors_timer_.start(doors_look_every_);
}

void Process::look_at_doors() {
  loop_.update_now();
  const std::uint64_t clients = totals_.process().connections;
  const bool have_come = std::exchange(clients_seen_, clients) != clients;
  if (!have_come || loop_.now() >= doors_until_) return close_doors();
  doors_timer_.start(doors_look_every_);
}

void Process::close_doors() {
  facts_.frontends_listening = 0;
  info_.listeners = 0;
  for (const auto& worker : workers_) worker->stop_softly();
  stop_timer_.start_periodic(kStopLookEvery, kStopLookEvery);
}

void Process::look_whether_idle() {
  const std::uint32_t left = shared_.process.connections.load();
  if (left > 0 && loop_.now() >= stop_deadline_) {
    log::warning("the time to finish is over: closing {} connections", left);
    for (const auto& worker : workers_) worker->close_connections();
    stop_timer_.start(kCutTime);
    stop_deadline_ = Instant::max();
    return;
  }
  if (left > 0 && stop_deadline_ != Instant::max()) return;
  stop_timer_.stop();
  loop_.stop();
}

}  // namespace tandem::lb
