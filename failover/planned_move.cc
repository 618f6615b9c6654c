#include "failover/planned_move.h"

#include "common/log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace tandem::failover {
namespace {

using peer::Json;

// A gate for packets is renewed with every look; a few may be missed.
constexpr Milliseconds kAdmitFor{1'000};
constexpr Milliseconds kRefreshEvery{1'000};
constexpr Milliseconds kHoldEvery{500};

std::vector<IpAddress> connectable(const config::Router& router) {
  std::vector<IpAddress> addresses;
  for (const IpPrefix& vip : router.vips)
    if (!vip.address.is_link_local()) addresses.push_back(vip.address);
  return addresses;
}

std::string text_of(const wire::MacAddress& mac) {
  return fmt::format("{:02x}", fmt::join(mac, ":"));
}

std::optional<wire::MacAddress> parse_mac(std::string_view text) {
  wire::MacAddress mac{};
  if (text.size() != 3 * mac.size() - 1) return std::nullopt;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* const at = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(at, at + 2, mac[i], 16);
    if (error != std::errc() || end != at + 2) return std::nullopt;
    if (i + 1 < mac.size() && *end != ':') return std::nullopt;
  }
  return mac;
}

std::string string_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string count_of(std::uint64_t connections) {
  return fmt::format("{} connection{}", connections, connections == 1 ? "" : "s");
}

}  // namespace

std::string_view stage_name(MoveReport::Stage stage) noexcept {
  switch (stage) {
    case MoveReport::Stage::kAsked:
      return "asked";
    case MoveReport::Stage::kRetaining:
      return "retaining";
    case MoveReport::Stage::kDone:
      return "done";
    case MoveReport::Stage::kFailed:
      return "failed";
  }
  return "";
}

PlannedMove::PlannedMove(Ground ground, VirtualRouter& router)
    : ground_(std::move(ground)),
      router_(router),
      addresses_(connectable(router.router())),
      asking_(ground_.loop, [this] { stop_asking(); }),
      retained_(ground_.route, addresses_),
      counter_(ground_.loop, addresses_),
      look_(ground_.loop, [this] { look(); }),
      second_chance_(
          {.table = system::SecondChance::table_name(router.router().vrid, router.router().is_v6),
           .addresses = addresses_}),
      doubt_(ground_.loop, [this] { give_up_forwarding(); }),
      hold_(ground_.loop, [this] { hold_rules(); }) {}

PlannedMove::~PlannedMove() = default;

/// RetainedAddress::end() takes off what an earlier process has put on, too.
void PlannedMove::sweep() {
  if (const auto ended = retained_.end(); !ended)
    log::warning("{}: {}", router_.router().name, ended.error().message);
}

bool PlannedMove::is_asking() const noexcept {
  return report_ && report_->stage == MoveReport::Stage::kAsked;
}

// ---- the node that gives -----------------------------------------------------------------------

Result<void> PlannedMove::give(peer::PeerLink& link, std::string_view why) {
  if (is_asking()) return fail("it is being moved already");
  report_ = {.to = link.peer_node(), .began = std::chrono::system_clock::now()};
  has_let_go_ = false;
  counted_.reset();
  asked_at_ = Clock::now();
  ground_.events.add(router_.router().name, fmt::format("moves to {} ({})", link.peer_node(), why));
  if (ground_.settings.second_chance && !addresses_.empty()) {
    // First of all: should this node stand still from here on, the other one takes the address
    // unasked, and breaks nothing with the rules up.
    link.request(kHandOver, claim_argument(), kClaimTime, [](const peer::Outcome&) {});
    retain();
  }
  ask(link);
  return {};
}

void PlannedMove::ask(peer::PeerLink& link) {
  link.request(kClaim, claim_argument(), kClaimTime,
               [this](const peer::Outcome& outcome) { answered(outcome); });
}

/// Where the other node can hand packets over to.
Json PlannedMove::claim_argument() const {
  Json argument = {{"router", router_.router().name}};
  const auto& link = ground_.interface.link();
  if (ground_.settings.second_chance && link && !addresses_.empty())
    argument["second_chance"] = {{"address", router_.link().source().text()},
                                 {"mac", text_of(link->mac)}};
  return argument;
}

void PlannedMove::answered(const peer::Outcome& outcome) {
  if (!is_asking() || has_let_go_) return;
  if (!outcome.ok) return outcome.is_known ? fail_to_move(outcome.words) : ask_again(outcome.words);
  const Json value = outcome.value.is_object() ? outcome.value : Json::object();
  if (report_->words.empty()) report_->words = string_in(value, "words");
  const auto second_chance = value.find("second_chance");
  move_away(second_chance != value.end() && *second_chance == true);
}

/// The claim may have got through, and the older connections with it depend on what is kept here.
/// It does no harm when it is taken twice.
void PlannedMove::ask_again(const std::string& words) {
  const Duration left = kAskFor - (Clock::now() - asked_at_);
  lost_answer_ = words;
  if (left <= Duration::zero()) return stop_asking();
  peer::PeerLink* const link = ground_.link(report_->to);
  if (link != nullptr && link->is_up()) return ask(*link);
  asking_.start(left);
}

/// Nobody answers: whether the address is still here says what has become of it.
void PlannedMove::stop_asking() {
  if (!is_asking() || has_let_go_) return;
  const std::string words = std::exchange(lost_answer_, {});
  if (router_.state().role == machine::Role::kActive) return fail_to_move(words);
  if (report_->words.empty()) report_->words = words;
  move_away(is_retaining());
}

void PlannedMove::move_away(bool has_second_chance) {
  lost_answer_.clear();
  asking_.stop();
  if (is_retaining() && !has_second_chance) let_retained_go();
  ++counts_.done;
  router_.yield();
  has_let_go_ = true;
  let_go_at_ = Clock::now();
  report_->took = let_go_at_ - asked_at_;
  if (!is_retaining()) {
    report_->stage = MoveReport::Stage::kDone;
    say_moved("older connections break");
    return ground_.on_over();
  }
  ground_.on_leaving();
  if (counted_) begin_to_wait();
}

void PlannedMove::say_moved(std::string_view rest) {
  ground_.events.add(
      router_.router().name,
      fmt::format("moved to {} in {} ms; {}{}{}", report_->to, to_milliseconds(report_->took), rest,
                  report_->words.empty() ? "" : "; ", report_->words));
}

/// The address has gone, and it is known what that leaves here.
void PlannedMove::begin_to_wait() {
  report_->stage = MoveReport::Stage::kRetaining;
  say_moved(fmt::format("{} {} on here until the end", count_of(report_->kept),
                        report_->kept == 1 ? "goes" : "go"));
}

void PlannedMove::count() {
  counter_.count([this](const Result<std::uint64_t>& counted) { on_counted(counted); });
}

void PlannedMove::on_counted(const Result<std::uint64_t>& counted) {
  if (!is_retaining()) return;
  // Not known: neither that there are any nor that there are none.
  if (!counted) return log::debug("{}: {}", router_.router().name, counted.error().message);
  if (!std::exchange(counted_, *counted)) report_->kept = *counted;
  report_->connections = *counted;
  if (!has_let_go_) return;
  if (is_asking()) begin_to_wait();
  if (*counted == 0) finish("the last connection has ended");
}

void PlannedMove::fail_to_move(const std::string& words) {
  lost_answer_.clear();
  asking_.stop();
  let_retained_go();
  report_->stage = MoveReport::Stage::kFailed;
  report_->words = words;
  ++counts_.failed;
  ground_.events.add(router_.router().name, fmt::format("does not move: {}", words));
  ground_.on_over();
}

/// Before the other node is asked: it may take the address, and this one have to let it go, before
/// its answer is here. On `lo` as well the address is nowhere missing, and nobody sees it twice.
void PlannedMove::retain() {
  if (const auto begun = retained_.begin(); !begun) {
    report_->words = begun.error().message;
    return;
  }
  router_.admit_packets(kAdmitFor);
  ground_.on_plan_change();
  refresh_at_ = Clock::now() + kRefreshEvery;
  look_.start_periodic(kLookEvery, kLookEvery);
  count();
}

/// Packets to the addresses meet whatever the interface says from now on.
void PlannedMove::let_retained_go() {
  look_.stop();
  if (!is_retaining()) return;
  if (const auto ended = retained_.end(); !ended)
    ground_.events.add(router_.router().name, ended.error().message);
  router_.admit_packets(Milliseconds(0));
  ground_.on_plan_change();
}

void PlannedMove::look() {
  const Instant now = Clock::now();
  router_.admit_packets(kAdmitFor);
  if (now >= refresh_at_) {
    refresh_at_ = now + kRefreshEvery;
    if (const auto refreshed = retained_.refresh(); !refreshed)
      ground_.events.add(router_.router().name, refreshed.error().message);
  }
  if (!has_let_go_ || now - let_go_at_ < ground_.settings.drain) return count();
  cut();
  finish(fmt::format("{} cut at the deadline", count_of(report_->cut)));
}

void PlannedMove::cut() {
  report_->cut = report_->connections;
  counts_.cut += report_->cut;
}

void PlannedMove::finish(std::string_view how) {
  let_retained_go();
  report_->stage = MoveReport::Stage::kDone;
  report_->lasted = Clock::now() - let_go_at_;
  report_->connections = 0;
  ground_.on_leaving();
  peer::PeerLink* const link = ground_.link(report_->to);
  const bool is_here_again = router_.state().role == machine::Role::kActive;
  if (link == nullptr || !link->is_up() || is_here_again) return say_done(how);
  link->request(kOver, {{"router", router_.router().name}}, kClaimTime,
                [this, how = std::string(how)](const peer::Outcome& outcome) {
                  const auto packets = outcome.value.find("packets");
                  if (packets != outcome.value.end() && packets->is_number_unsigned())
                    report_->packets_back = packets->get<std::uint64_t>();
                  say_done(how);
                });
}

void PlannedMove::say_done(std::string_view how) {
  ground_.events.add(
      router_.router().name,
      fmt::format("{}, {:.1f} s after the move to {}; {} packets were handed back", how,
                  seconds(report_->lasted), report_->to, report_->packets_back));
  ground_.on_over();
}

std::vector<IpAddress> PlannedMove::leaving() const {
  return is_waiting() ? addresses_ : std::vector<IpAddress>();
}

// ---- the node that takes -----------------------------------------------------------------------

peer::Outcome PlannedMove::take(const std::string& node, const Json& argument) {
  std::string words;
  const auto wanted = argument.find("second_chance");
  // The rules first: not one packet is to meet this node without them.
  if (wanted != argument.end()) {
    if (const auto forwarded = forward(node, *wanted); !forwarded)
      words = forwarded.error().message;
  }
  if (const auto claimed = router_.claim(kClaimTime); !claimed) {
    stop_forwarding();
    return {.ok = false, .words = claimed.error().message, .value = {}};
  }
  if (!words.empty()) ground_.events.add(router_.router().name, words);
  return {.ok = true,
          .words = "taken",
          .value = {{"second_chance", is_forwarding()}, {"words", words}}};
}

/// What is up already stays as it is.
Result<void> PlannedMove::forward(const std::string& node, const Json& argument) {
  if (is_forwarding() && node == old_node_ && argument == old_place_) {
    hears_old_node_ = true;
    weigh_doubts();
    return {};
  }
  const auto& link = ground_.interface.link();
  if (!argument.is_object() || !link)
    return fail("a planned move will break connections: it is not said where they go");
  const auto address = IpAddress::parse(string_in(argument, "address"));
  const auto mac = parse_mac(string_in(argument, "mac"));
  if (!address || !mac || addresses_.empty() || address->is_v6() != addresses_.front().is_v6())
    return fail("a planned move will break connections: it is not said where they go");
  if (const auto begun = second_chance_.begin(
          {.address = *address, .mac = *mac, .interface = ground_.interface.name()});
      !begun)
    return begun;
  old_node_ = node;
  old_place_ = argument;
  hears_old_node_ = true;
  weigh_doubts();
  cookies_before_ = system::cookies_sent();
  hold_.start_periodic(kHoldEvery, kHoldEvery);
  return {};
}

void PlannedMove::hold_rules() {
  if (const auto held = second_chance_.hold(); !held)
    ground_.events.add(router_.router().name, held.error().message);
  const auto cookies = system::cookies_sent();
  if (!cookies_before_ || !cookies || *cookies == *cookies_before_) return;
  cookies_before_.reset();
  ground_.events.add(router_.router().name,
                     "SYN cookies are sent while packets are handed over: such connections go "
                     "to the other node and break");
}

peer::Outcome PlannedMove::hand_over(const std::string& node, const Json& argument) {
  const auto place = argument.find("second_chance");
  if (place == argument.end())
    return {.ok = false, .words = "it is not said where packets go", .value = {}};
  const bool was_lost = is_forwarding() && node == old_node_ && !hears_old_node_;
  if (const auto forwarded = forward(node, *place); !forwarded)
    return {.ok = false, .words = forwarded.error().message, .value = {}};
  if (was_lost)
    ground_.events.add(router_.router().name,
                       fmt::format("{} is back: its older connections go on", node));
  return {.ok = true, .words = "packets are handed over", .value = {}};
}

/// Rules are needed as long as this node has the address and the old one its connections. Without
/// them a connection is reset by the first packet, so one of the two may be missing for a moment:
/// the role of a node that stood still and takes it again, a link that comes back; and where the
/// address has moved on, packets come here until the last client has heard of it.
void PlannedMove::weigh_doubts() {
  const bool is_active = router_.state().role == machine::Role::kActive;
  const bool has_doubts = is_forwarding() && !(is_active && hears_old_node_);
  if (has_doubts == std::exchange(is_in_doubt_, has_doubts)) return;
  has_doubts ? doubt_.start(kDoubtMost) : doubt_.stop();
}

void PlannedMove::give_up_forwarding() {
  stop_forwarding();
  const peer::PeerLink* const link = ground_.link(old_node_);
  if (link == nullptr || !link->is_up())
    ground_.events.add(router_.router().name,
                       fmt::format("{} is gone: its older connections are ended", old_node_));
}

peer::Outcome PlannedMove::end_forwarding() {
  Json value = Json::object();
  if (const auto handed = second_chance_.handed_over(); handed)
    value = {{"packets", handed->packets}, {"errors", handed->errors}};
  stop_forwarding();
  return {.ok = true, .words = "ended", .value = std::move(value)};
}

void PlannedMove::stop_forwarding() {
  if (!is_forwarding()) return;
  hold_.stop();
  if (const auto handed = second_chance_.handed_over(); handed)
    counts_.handed_back += handed->packets;
  if (const auto ended = second_chance_.end(); !ended)
    ground_.events.add(router_.router().name, ended.error().message);
  weigh_doubts();
}

// ---- both --------------------------------------------------------------------------------------

void PlannedMove::on_role_change() {
  const bool is_active = router_.state().role == machine::Role::kActive;
  // The address is on its interface again, or packets do not come here any more.
  if (is_active && is_waiting()) finish("the address is back");
  weigh_doubts();
}

void PlannedMove::on_link_up(const std::string& node) {
  peer::PeerLink* const link = ground_.link(node);
  if (link == nullptr || !report_ || report_->to != node) return;
  if (!lost_answer_.empty()) {
    lost_answer_.clear();
    asking_.stop();
    return ask(*link);
  }
  if (!is_waiting()) return;
  link->request(kHandOver, claim_argument(), kClaimTime,
                [this, node](const peer::Outcome& outcome) {
                  if (outcome.ok || !outcome.is_known || !is_waiting()) return;
                  ground_.events.add(
                      router_.router().name,
                      fmt::format("older connections break: {} says that {}", node, outcome.words));
                });
}

void PlannedMove::on_link_down(const std::string& node, const peer::PeerLink::Down& down) {
  if (!is_forwarding() || node != old_node_) return;
  hears_old_node_ = false;
  if (down.is_orderly) return give_up_forwarding();
  weigh_doubts();
}

void PlannedMove::abandon() {
  lost_answer_.clear();
  asking_.stop();
  if (is_waiting()) {
    cut();
    finish("this node stops");
  }
  let_retained_go();
  stop_forwarding();
}

void PlannedMove::add_to(system::GuardPlan& plan) const { retained_.add_to(plan); }

}  // namespace tandem::failover
