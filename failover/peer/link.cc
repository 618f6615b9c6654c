#include "failover/peer/link.h"

#include "common/log.h"
#include "failover/peer/tcp.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tandem::failover::peer {
namespace {

/// One honest peer needs one; more wait only while strangers dial from its address.
constexpr std::size_t kCandidatesMax = 4;
/// What a person reads of a reason.
constexpr std::size_t kWordsBytesMax = 256;

void shorten(Status& status) {
  const auto cut = [](std::string& words) {
    if (words.size() > kWordsBytesMax) words.resize(kWordsBytesMax);
  };
  cut(status.fitness);
  for (RouterStatus& router : status.routers) cut(router.reason);
}

}  // namespace

PeerLink::PeerLink(event::Poller& poller, PeerListener& listener, Settings settings,
                   Callbacks callbacks)
    : poller_(poller),
      listener_(listener),
      settings_(std::move(settings)),
      callbacks_(std::move(callbacks)),
      requests_(poller.loop()),
      about_refusals_(std::chrono::seconds(10)),
      redial_(poller.loop(), [this] { dial(); }),
      beat_(poller.loop(), [this] { beat(); }),
      silence_(poller.loop(), [this] { watch_silence(); }) {
  settings_.heartbeat = std::clamp(settings_.heartbeat, kHeartbeatMin, kHeartbeatMax);
  settings_.hello.heartbeat = settings_.heartbeat;
}

PeerLink::~PeerLink() {
  listener_.forget(*this);
  way_back_.reset();
  const std::string bye = frame_of(Bye{.words = farewell_});
  if (current_) {
    current_->leave(bye);
    poller_.retire(std::move(current_));
  }
  for (auto& candidate : candidates_) {
    candidate->leave(bye);
    poller_.retire(std::move(candidate));
  }
}

bool PeerLink::dials() const noexcept { return settings_.own_address < settings_.peer_address; }

const Session* PeerLink::session() const noexcept {
  return current_ ? &current_->session() : nullptr;
}

Result<void> PeerLink::open() {
  if (settings_.own_address == settings_.peer_address)
    return fail(fmt::format("{} has the address of this node", settings_.peer_node));
  if (settings_.own_address.is_v6() != settings_.peer_address.is_v6())
    return fail(
        fmt::format("the address of {} is of another family than ours", settings_.peer_node));
  if (!dials()) return listener_.serve(settings_.peer_address, *this);
  dial();
  return {};
}

// ---- connections ------------------------------------------------------------------------------

void PeerLink::dial() {
  auto fd = peer::dial(settings_.own_address, settings_.peer_address, settings_.port);
  if (fd) return begin(std::move(*fd), TlsStream::Side::kDials);
  refuse({.cause = Ending::Cause::kUnreachable, .words = fd.error().message});
  redial_later();
}

void PeerLink::redial_later() {
  if (!dials()) return;
  redial_.start(redial_pause_);
  redial_pause_ = std::min(redial_pause_ * 2, kRedialMax);
}

void PeerLink::accept(FileDescriptor fd) {
  // The oldest goes: one that knows the secret is done in a few milliseconds, so an old one hardly
  // does, and refusing the newest would let a few silent connections keep the peer out.
  if (candidates_.size() >= kCandidatesMax) {
    ++counters_.crowded_out;
    candidates_.front()->leave({});
    poller_.retire(std::move(candidates_.front()));
    candidates_.erase(candidates_.begin());
  }
  begin(std::move(fd), TlsStream::Side::kListens);
}

void PeerLink::begin(FileDescriptor fd, TlsStream::Side side) {
  Connection::Owner& owner = *this;
  candidates_.push_back(std::make_unique<Connection>(poller_, owner, settings_.credentials, side,
                                                     settings_.peer_node,
                                                     Session({.own_node = settings_.hello.node,
                                                              .peer_node = settings_.peer_node,
                                                              .heartbeat = settings_.heartbeat},
                                                             Clock::now())));
  Connection& begun = *candidates_.back();
  if (!begun.begin(std::move(fd)))
    on_end(begun, {.cause = Ending::Cause::kUnreachable, .words = "it cannot be watched"});
}

std::unique_ptr<Connection> PeerLink::take_candidate(const Connection& connection) {
  const auto found = std::ranges::find(candidates_, &connection, &std::unique_ptr<Connection>::get);
  if (found == candidates_.end()) return nullptr;
  std::unique_ptr<Connection> taken = std::move(*found);
  candidates_.erase(found);
  return taken;
}

void PeerLink::on_secure(Connection& connection) { connection.send(frame_of(settings_.hello)); }

std::optional<Ending> PeerLink::on_message(Connection& connection, const Message& message) {
  ++counters_.messages_received;
  const bool was_up = connection.session().is_up();
  if (auto heard = connection.session().hear(message, Clock::now()); !heard)
    return Ending{.cause = was_up ? Ending::Cause::kMalformed : Ending::Cause::kRefused,
                  .words = heard.error().message};
  if (const auto* bye = std::get_if<Bye>(&message))
    return Ending{.cause = Ending::Cause::kOrderly, .words = bye->words};
  if (!was_up) promote(connection);
  std::visit([this](const auto& one) { handle(one); }, message);
  return std::nullopt;
}

void PeerLink::promote(Connection& connection) {
  if (current_) {
    current_->leave({});
    go_down({.cause = Ending::Cause::kReplaced, .words = "it has connected anew"});
  }
  current_ = take_candidate(connection);
  current_->settle();
  redial_pause_ = kRedialMin;
  trouble_.clear();
  unanswered_ = 0;
  answer_way();
  ++counters_.ups;
  silence_.start(current_->session().silence());
  // Not with the hello: what is told between that and here would be lost.
  if (told_)
    current_->send(frames_of(*told_, *current_));
  else
    beat();
  beat_.start_periodic(settings_.heartbeat, settings_.heartbeat);
  if (callbacks_.on_up) callbacks_.on_up(current_->session().hello());
}

void PeerLink::on_end(Connection& connection, const Ending& ending) {
  if (&connection == current_.get()) {
    go_down(ending);
  } else {
    poller_.retire(take_candidate(connection));
    refuse(ending);
  }
  if (!current_) redial_later();
}

void PeerLink::go_down(const Ending& ending) {
  poller_.retire(std::move(current_));
  way_back_.reset();
  beat_.stop();
  silence_.stop();
  trouble_ = ending.words;
  count(ending, true);
  requests_.fail_all(
      fmt::format("the link to {} went down: {}", settings_.peer_node, ending.words));
  if (callbacks_.on_down)
    callbacks_.on_down(
        {.is_orderly = ending.cause == Ending::Cause::kOrderly, .words = ending.words});
}

void PeerLink::refuse(const Ending& ending) {
  if (!current_) trouble_ = ending.words;
  count(ending, false);
  // That nobody is there is no news: the daemon knows from on_down().
  if (ending.cause == Ending::Cause::kUnreachable || ending.cause == Ending::Cause::kOrderly)
    return;
  if (const auto others = about_refusals_.may_speak(Clock::now()))
    log::warning("peer link: {} ({}) was refused: {} ({} more since the last)", settings_.peer_node,
                 settings_.peer_address.text(), ending.words, *others);
}

void PeerLink::count(const Ending& ending, bool was_up) {
  using Cause = Ending::Cause;
  if (was_up)
    ++(ending.cause == Cause::kOrderly  ? counters_.downs_orderly
       : ending.cause == Cause::kSilent ? counters_.downs_silent
                                        : counters_.downs_lost);
  switch (ending.cause) {
    case Cause::kUnreachable:
      ++counters_.unreachable;
      break;
    case Cause::kHandshake:
      ++counters_.handshake_failures;
      break;
    case Cause::kRefused:
      ++counters_.refused_hellos;
      break;
    case Cause::kMalformed:
      ++counters_.malformed;
      break;
    case Cause::kOverflow:
      ++counters_.overflows;
      break;
    case Cause::kLost:
    case Cause::kSilent:
    case Cause::kReplaced:
    case Cause::kOrderly:
      break;
  }
}

void PeerLink::watch_silence() {
  if (!current_) return;
  // A process that did not run for a while sees its timers first and its packets next.
  if (Clock::now() >= current_->session().silent_at()) current_->look();
  if (!current_) return;
  const Duration left = current_->session().silent_at() - Clock::now();
  if (left > Duration::zero()) return silence_.start(left);
  current_->leave({});
  go_down({.cause = Ending::Cause::kSilent,
           .words = fmt::format("it was silent for {}",
                                format_duration(std::chrono::duration_cast<Milliseconds>(
                                    current_->session().silence())))});
  redial_later();
}

// ---- what is said -----------------------------------------------------------------------------

std::string PeerLink::frame_of(const Message& message) {
  auto frame = encode(message);
  if (frame) {
    ++counters_.messages_sent;
    return std::move(*frame);
  }
  log::warning("peer link: {} is not told: {}", settings_.peer_node, frame.error().message);
  return {};
}

std::string PeerLink::frames_of(const Status& status, Connection& connection) {
  return frame_of(status) + frame_of(connection.session().beat(status, Clock::now()));
}

bool PeerLink::send(const Message& message) {
  if (!current_) return false;
  const std::string frame = frame_of(message);
  return !frame.empty() && current_->send(frame);
}

void PeerLink::beat() {
  if (current_) send(current_->session().beat(told_.value_or(Status()), Clock::now()));
}

void PeerLink::tell(Status status) {
  shorten(status);
  if (told_ == status) return;
  told_ = std::move(status);
  if (current_) current_->send(frames_of(*told_, *current_));
}

bool PeerLink::let_go(const std::string& router) {
  if (!current_) return false;
  // A heartbeat goes first: the peer takes the word for as old as the last thing of its own that we
  // are known to have heard, and at short heartbeats that could be too old to be believed.
  std::string frames = frame_of(current_->session().beat(told_.value_or(Status()), Clock::now()));
  const std::string word = frame_of(LetGo{.router = router});
  if (word.empty() || !current_->send(frames += word)) return false;
  ++counters_.let_gos_sent;
  return true;
}

void PeerLink::request(const std::string& name, Json argument, Duration patience,
                       Requests::Done done) {
  if (!current_)
    return done({.ok = false,
                 .words = fmt::format("the link to {} is down: {}", settings_.peer_node, trouble_),
                 .value = {}});
  const auto id = requests_.add(patience, std::move(done));
  if (!id) return;
  const std::string frame =
      frame_of(Request{.id = *id, .name = name, .argument = std::move(argument)});
  if (!frame.empty()) {
    current_->send(frame);
    return;
  }
  requests_.finish(
      {.id = *id, .outcome = {.ok = false, .words = "the request is too long", .value = {}}});
}

// ---- what is heard ----------------------------------------------------------------------------

void PeerLink::handle(const Heartbeat&) {
  const Session& session = current_->session();
  if (callbacks_.on_status && session.has_status())
    callbacks_.on_status(session.status(), session.as_of());
}

void PeerLink::handle(const LetGo& let_go) {
  ++counters_.let_gos_received;
  if (callbacks_.on_let_go) callbacks_.on_let_go(let_go.router, current_->session().as_of());
}

void PeerLink::answer_way() {
  way_back_ = std::make_shared<Answer::Send>([this](const Reply& reply) {
    --unanswered_;
    const std::string frame = frame_of(reply);
    if (!frame.empty()) {
      current_->send(frame);
      return;
    }
    send(
        Reply{.id = reply.id,
              .outcome = {.ok = reply.outcome.ok, .words = "the answer is too long", .value = {}}});
  });
}

void PeerLink::handle(const Request& request) {
  ++unanswered_;
  Answer answer(request.id, way_back_);
  if (unanswered_ > kRequestsMax)
    return answer({.ok = false, .words = "too many requests wait here", .value = {}});
  if (!callbacks_.on_request)
    return answer({.ok = false, .words = "requests are not answered here", .value = {}});
  callbacks_.on_request(request, std::move(answer));
}

void PeerLink::handle(const Reply& reply) { requests_.finish(reply); }

void PeerLink::handle(const SettingsPart& part) {
  if (callbacks_.on_settings) callbacks_.on_settings(part);
}

void PeerLink::handle(const SettingsTaken& taken) {
  if (callbacks_.on_settings_taken) callbacks_.on_settings_taken(taken);
}

void PeerLink::handle(const EventsPart& part) {
  if (callbacks_.on_events) callbacks_.on_events(part);
}

void PeerLink::handle(const Unknown&) { ++counters_.unknown_messages; }

}  // namespace tandem::failover::peer
