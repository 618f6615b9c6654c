#include "failover/daemon.h"

#include "common/daemon.h"
#include "common/log.h"
#include "common/text.h"
#include "failover/commands.h"
#include "failover/system/clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace tandem::failover {
namespace {

// A fresh start waits so long for the data plane and the scripts to say something; then what is
// known counts. A successor asks the data plane alone, and must not wait as long as others wait.
constexpr Milliseconds kPatience{3'000};
constexpr Milliseconds kPatienceOfSuccessor{200};

// How long a node whose data plane stops keeps its right while the other node is asked to take the
// addresses; and from the change of its role on, which is in the middle of a step.
constexpr Milliseconds kReprieve{500};
constexpr Milliseconds kAfterMove{1};

// How long a node that stops keeps its links after it has let go: what was lost on the way is sent
// again, and a connection that is gone by then would be reset in its place.
constexpr Milliseconds kLinger{50};

std::string identity(const config::Settings& settings) {
  return fmt::format("node {}, {} virtual routers on {}", settings.self.name,
                     settings.routers.size(), settings.interface);
}

}  // namespace

Daemon::Daemon(Parts parts)
    : settings_(std::move(parts.settings)),
      config_hash_(std::move(parts.config_hash)),
      guard_(parts.guard),
      events_(parts.events),
      server_settings_(parts.server_settings),
      load_again_(std::move(parts.reload)),
      legacy_(std::move(parts.legacy)),
      poller_(loop_),
      patience_(loop_, [this] { begin(); }),
      reprieve_(loop_,
                [this] {
                  has_reprieve_ = false;
                  weigh();
                }),
      preempt_(loop_, [this] { ask_for_preempted(); }),
      grace_(loop_, [this] { stop_now(); }),
      linger_(loop_, [this] { finish(); }) {}

Daemon::~Daemon() { guard_.unwatch(); }

Result<void> Daemon::open() {
  auto monitor = system::RouteMonitor::open(poller_);
  if (!monitor) return std::unexpected(monitor.error());
  monitor_ = std::move(*monitor);
  auto route = system::RouteSocket::open();
  if (!route) return std::unexpected(route.error());
  route_ = std::move(*route);
  interface_ = std::make_unique<system::Interface>(*monitor_, *route_, settings_->interface);
  tracking_ = std::make_unique<Tracking>(poller_, *monitor_, *route_, settings_->track, [this] {
    weigh();
    if (!is_started_ && tracking_->is_known(legacy_.active.empty())) patience_.start({});
  });
  notifier_ = std::make_unique<Notifier>(loop_, settings_->notify, events_);
  Peers::Callbacks callbacks;
  callbacks.on_holds = [this](const std::string& name, const machine::PeerHolds& holds) {
    if (VirtualRouter* router = find(name); router != nullptr) router->hear_peer_hold(holds);
  };
  callbacks.on_let_go = [this](const std::string& name) {
    if (VirtualRouter* router = find(name); router != nullptr) router->hear_peer_let_go();
  };
  callbacks.on_request = [this](const std::string& node, const peer::Request& request,
                                peer::Answer answer) {
    answer(switchover_->answer(node, request));
  };
  share_with_peers(callbacks);
  peers_ =
      std::make_unique<Peers>(poller_, *settings_, config_hash_, events_, std::move(callbacks));
  open_sharing();
  open_switchover();
  if (auto opened = open_routers(); !opened) return opened;
  switchover_->prepare();
  if (auto opened = peers_->open(); !opened) return opened;
  interface_->set_on_change([this](const std::optional<system::InterfaceState>& before) {
    events_.add("", interface_->words());
    for (const auto& router : routers_) router->on_interface_change(before);
  });
  if (auto opened = open_doors(); !opened) return opened;
  guard_.watch(poller_, [this](const Result<void>& replaced) {
    events_.add("", replaced ? "the guard had died; another stands"
                             : "the guard has died: " + replaced.error().message);
  });
  return {};
}

void Daemon::share_with_peers(Peers::Callbacks& callbacks) {
  callbacks.on_up = [this](const std::string& node) {
    sharing_->begin(node);
    switchover_->on_link_up(node);
  };
  callbacks.on_down = [this](const std::string& node, const peer::PeerLink::Down& down) {
    sharing_->end(node);
    switchover_->on_link_down(node, down);
  };
  callbacks.on_settings = [this](const std::string& node, const peer::SettingsPart& part) {
    sharing_->hear(node, part);
  };
  callbacks.on_settings_taken = [this](const std::string& node, const peer::SettingsTaken& taken) {
    sharing_->hear(node, taken);
  };
  callbacks.on_events = [this](const std::string& node, const peer::EventsPart& part) {
    sharing_->hear(node, part);
  };
}

void Daemon::open_sharing() {
  PulseWatch* pulse = tracking_->pulse();
  const auto say = [this](const std::string& node, const auto& message) {
    if (peer::PeerLink* link = peers_->find(node); link != nullptr) link->say(message);
  };
  const auto send = [pulse](const pulse::ServerSetting& setting) {
    return pulse != nullptr && pulse->send(setting);
  };
  Sharing::Ways ways{.to_data_plane = send, .settings = say, .taken = say, .events = say};
  sharing_ = std::make_unique<Sharing>(loop_, server_settings_, events_, std::move(ways));
  if (pulse == nullptr) return;
  picture_teller_ = std::make_unique<PictureTeller>(
      loop_, *this, [pulse](const pulse::Picture& picture) { return pulse->send(picture); });
  pulse->set_exchange(
      {.on_connected =
           [this] {
             sharing_->begin_data_plane();
             switchover_->feed_data_plane(/*is_new=*/true);
           },
       .on_setting = [this](const pulse::ServerSetting& setting) { sharing_->hear(setting); },
       .on_room =
           [this] {
             sharing_->feed_data_plane();
             switchover_->feed_data_plane(/*is_new=*/false);
           }});
}

void Daemon::open_switchover() {
  switchover_ = std::make_unique<Switchover>(
      Switchover::Ground{.loop = loop_,
                         .settings = *settings_,
                         .route = *route_,
                         .interface = *interface_,
                         .events = events_,
                         .peers = *peers_,
                         .on_plan_change = [this] { tell_guard(); },
                         .on_over =
                             [this] {
                               if (is_stopping_ && switchover_->is_idle()) stop_now();
                             },
                         .to_data_plane =
                             [pulse = tracking_->pulse()](const pulse::Leaving& leaving) {
                               return pulse == nullptr || pulse->send(leaving);
                             }});
}

Result<void> Daemon::open_routers() {
  for (const config::Router& router : settings_->routers) {
    const Ground ground{.settings = *settings_,
                        .poller = poller_,
                        .monitor = *monitor_,
                        .route = *route_,
                        .interface = *interface_,
                        .events = events_,
                        .on_plan_change = [this] { tell_guard(); },
                        .on_let_go = [this](const std::string& name) { peers_->let_go(name); },
                        .on_change =
                            [this] {
                              tell_peers();
                              switchover_->on_role_change();
                              if (has_reprieve_ && !is_active()) reprieve_.start(kAfterMove);
                            },
                        .on_preempt = [this](const std::string& name) { preempt(name); },
                        .on_move =
                            [this](std::vector<std::string> words) {
                              if (!settings_->notify.exec.empty())
                                notifier_->tell(std::move(words));
                            }};
    auto figures = legacy_.figures.extract(router.name);
    routers_.push_back(std::make_unique<VirtualRouter>(
        ground, router, figures ? std::move(figures.mapped()) : RouterFigures{}));
    routers_.back()->set_on_own_fault([this] { weigh(); });
    switchover_->add(*routers_.back());
    if (auto opened = routers_.back()->open(legacy_.active.contains(router.name)); !opened)
      return opened;
  }
  return {};
}

Result<void> Daemon::open_doors() {
  add_commands(commands_, *this);
  command_server_ = std::make_unique<command::CommandServer>(poller_, commands_);
  const command::Endpoint endpoint{.address = settings_->runtime.address,
                                   .mode = settings_->runtime.mode,
                                   .level = command::Level::kAdmin};
  if (auto bound = command_server_->listen(endpoint, "/failover/runtime/bind"); !bound)
    return bound;
  endpoints_ = std::make_unique<Endpoints>(*this);
  admin_server_ = std::make_unique<tandem::admin::AdminServer>(poller_, *endpoints_);
  if (auto bound = admin_server_->listen(settings_->admin); !bound)
    return fail("/failover/admin/bind: " + bound.error().message);
  return {};
}

Daemon::End Daemon::run() {
  watch_signals();
  withdraw_unknown();
  weigh();
  const bool is_successor = !legacy_.active.empty();
  const Milliseconds patience = is_successor ? kPatienceOfSuccessor : kPatience;
  tracking_->start();
  if (picture_teller_) picture_teller_->start();
  patience_.start(tracking_->is_known(!is_successor) ? Milliseconds(0) : patience);
  log::notice("ready: {}", identity(*settings_));
  daemon::notify("READY=1");
  loop_.run();
  return end_;
}

/// Addresses that a predecessor held and that are nobody's any more.
void Daemon::withdraw_unknown() {
  for (const auto& [name, heirloom] : legacy_.active) {
    const auto link = route_->link(heirloom.interface);
    if (!link) continue;
    for (const IpPrefix& vip : heirloom.vips) {
      const bool is_known = heirloom.interface == settings_->interface &&
                            std::ranges::any_of(settings_->routers, [&](const auto& router) {
                              return std::ranges::find(router.vips, vip) != router.vips.end();
                            });
      if (is_known) continue;
      if (route_->remove_address(link->index, vip))
        events_.add(name, fmt::format("{} is not configured any more: taken off", vip.text()));
    }
  }
}

/// Everybody has been heard, or has had the time: the machines may run.
void Daemon::begin() {
  if (std::exchange(is_started_, true)) return;
  weigh();
  for (const auto& router : routers_) {
    const auto heirloom = legacy_.active.find(router->router().name);
    const bool inherits =
        heirloom != legacy_.active.end() && heirloom->second.interface == settings_->interface;
    router->start(inherits ? std::optional(heirloom->second.waits_until) : std::nullopt);
  }
  legacy_ = {};
  tell_peers();
  tell_manager();
}

/// A data plane that was told to stop still serves: this node keeps its right until the other one
/// has taken the addresses, if it can, so that no connection breaks.
void Daemon::reprieve() {
  PulseWatch* const pulse = tracking_->pulse();
  const bool is_stopping = pulse != nullptr && pulse->is_stopping();
  if (!is_stopping) had_reprieve_ = has_reprieve_ = false;
  if (!is_stopping || !is_started_ || std::exchange(had_reprieve_, true)) return;
  if (!switchover_->give("", "the data plane stops")) return;
  has_reprieve_ = true;
  reprieve_.start(kReprieve);
}

bool Daemon::is_reprieved(const machine::Tracked& tracked) const {
  return has_reprieve_ && tracked.name == tracking_->pulse()->tracked().name;
}

bool Daemon::is_active() const {
  return std::ranges::any_of(
      routers_, [](const auto& router) { return router->state().role == machine::Role::kActive; });
}

void Daemon::weigh() {
  reprieve();
  for (const auto& router : routers_) {
    std::vector<machine::Tracked> tracked = tracking_->all();
    for (machine::Tracked& one : tracked)
      if (is_reprieved(one)) one.is_ok = true;
    tracked.push_back(router->own_fault());
    router->set_right(machine::effective_right(router->router().priority, tracked));
  }
  if (is_started_) tell_manager();
}

/// Asked for over the link the addresses come without breaking a connection. In the next turn: the
/// machine is in the middle of a step. Whoever cannot or will not give them is preempted.
void Daemon::preempt(const std::string& router) {
  to_preempt_.insert(router);
  preempt_.start(Duration::zero());
}

void Daemon::ask_for_preempted() {
  for (const std::string& router : std::exchange(to_preempt_, {}))
    if (const auto asked = switchover_->take(router); !asked)
      log::debug("{}: {}", router, asked.error().message);
}

void Daemon::tell_guard() {
  system::GuardPlan plan;
  for (const auto& router : routers_) router->add_to(plan);
  switchover_->add_to(plan);
  if (const auto told = guard_.set(plan); !told)
    events_.add("", "the guard cannot be told what is held: " + told.error().message);
}

VirtualRouter* Daemon::find(const std::string& name) {
  const auto found = std::ranges::find_if(
      routers_, [&](const auto& router) { return router->router().name == name; });
  return found == routers_.end() ? nullptr : found->get();
}

// ---- the other nodes
// -----------------------------------------------------------------------------

void Daemon::tell_peers() {
  if (!is_started_) return;
  peer::Status status;
  for (const auto& router : routers_) {
    const RouterFigures& figures = router->figures();
    status.routers.push_back(
        {.name = router->router().name,
         .vrid = router->router().vrid,
         .is_v6 = router->router().is_v6,
         .role = router->state().role,
         .priority = router->right().priority,
         .reason = router->right().why,
         .since = std::chrono::floor<Milliseconds>(figures.last_transition),
         .taken_at = std::chrono::floor<Milliseconds>(figures.last_takeover),
         .takeover = std::chrono::ceil<std::chrono::microseconds>(figures.takeover)});
    if (router->right().priority > 0) status.is_fit = true;
    if (router->right().priority == 0) status.fitness = router->right().why;
  }
  peers_->tell(status);
}

void Daemon::tell_manager() {
  std::string status;
  for (const auto& router : routers_)
    status += fmt::format("{}{} {}", status.empty() ? "" : ", ", router->router().name,
                          machine::role_name(router->state().role));
  daemon::notify("STATUS=" + status);
}

void Daemon::watch_signals() {
  signals_.emplace_back(loop_, SIGTERM, [this] { stop(); });
  signals_.emplace_back(loop_, SIGINT, [this] { stop(); });
  signals_.emplace_back(loop_, SIGHUP, [this] { reload(); });
  signals_.emplace_back(loop_, SIGUSR1, [this] { dump(); });
  signals_.emplace_back(loop_, SIGUSR2, [this] {
    log::notice("replaced by a new process; the addresses stay");
    end_ = End::kReplace;
    peers_->set_farewell("it is replaced by a new process");
    loop_.stop();
  });
}

/// The first time: the other node takes the addresses first, if it can, and older connections may
/// end here within the grace. The second time, or if it cannot: at once.
void Daemon::stop() {
  if (std::exchange(is_stopping_, true)) return stop_now();
  daemon::notify("STOPPING=1");
  if (!is_started_ || !switchover_->give("", "this node stops")) return stop_now();
  log::notice("stopping: the other node takes the addresses");
  grace_.start(settings_->grace);
}

void Daemon::stop_now() {
  if (std::exchange(has_stopped_, true)) return;
  log::notice("stopping: the addresses are given away");
  grace_.stop();
  switchover_->abandon();
  for (const auto& router : routers_) router->stop();
  end_ = End::kStopped;
  linger_.start(peers_->links().empty() ? Milliseconds(0) : kLinger);
}

/// The addresses are gone; what the program was told last it may still do.
void Daemon::finish() {
  if (idle_routers_ == routers_.size()) return notifier_->when_idle([this] { loop_.stop(); });
  routers_[idle_routers_++]->when_idle([this] { finish(); });
}

void Daemon::reload() {
  daemon::notify("RELOADING=1");
  reloaded_ = load_again_();
  if (reloaded_.settings == nullptr) {
    log::error("the configuration has errors: nothing changes");
    daemon::notify("READY=1");
    return;
  }
  log::notice("reloading; the addresses stay");
  end_ = End::kReload;
  peers_->set_farewell("it reloads");
  loop_.stop();
}

Legacy Daemon::leave() {
  // One that never began hands on what it was given.
  Legacy legacy = std::exchange(legacy_, {});
  for (const auto& router : routers_) {
    const std::string& name = router->router().name;
    if (const auto waits_until = router->leave())
      legacy.active[name] = {.interface = settings_->interface,
                             .vips = router->router().vips,
                             .waits_until = *waits_until};
    legacy.figures[name] = router->figures();
  }
  return legacy;
}

void Daemon::dump() {
  for (const std::string_view line : split(describe(*this), '\n'))
    if (!line.empty()) log::notice("{}", line);
}

}  // namespace tandem::failover
