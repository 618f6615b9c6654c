#include "failover/switchover.h"

#include "common/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tandem::failover {
namespace {

using peer::Json;

// The request by which a node asks another to give a router's addresses to it.
constexpr const char* kGive = "give";

peer::Outcome refusal(std::string words) {
  return {.ok = false, .words = std::move(words), .value = {}};
}

}  // namespace

Switchover::Switchover(Ground ground)
    : ground_(std::move(ground)), arp_settings_(ground_.settings.interface) {}

void Switchover::add(VirtualRouter& router) {
  moves_.push_back(std::make_unique<PlannedMove>(
      PlannedMove::Ground{
          .loop = ground_.loop,
          .settings = ground_.settings,
          .route = ground_.route,
          .interface = ground_.interface,
          .events = ground_.events,
          .on_plan_change = ground_.on_plan_change,
          .on_over = ground_.on_over,
          .on_leaving = [this] { tell_leaving(); },
          .link = [this](const std::string& node) { return ground_.peers.find(node); }},
      router));
}

void Switchover::prepare() {
  for (const auto& move : moves_) move->sweep();
  if (!ground_.settings.peer || !ground_.settings.second_chance) return;
  if (const auto swept = system::SecondChance::sweep(); !swept)
    log::warning("{}", swept.error().message);
  if (const auto possible = system::SecondChance::probe(); !possible)
    trouble_ = possible.error().message;
  else if (const auto applied = arp_settings_.apply(); !applied)
    trouble_ = "a planned move may break connections: " + applied.error().message;
  if (!trouble_.empty()) ground_.events.add("", trouble_);
}

PlannedMove* Switchover::find(const std::string& router) {
  const auto found = std::ranges::find_if(
      moves_, [&](const auto& move) { return move->router().router().name == router; });
  return found == moves_.end() ? nullptr : found->get();
}

// ---- asked for here ----------------------------------------------------------------------------

Result<void> Switchover::give(const std::string& router, std::string_view why) {
  bool found = false;
  for (const auto& move : moves_) {
    if (!router.empty() && move->router().router().name != router) continue;
    if (move->router().state().role != machine::Role::kActive) continue;
    found = true;
    if (auto begun = give_one(*move, why); !begun) return begun;
  }
  if (!found && !router.empty() && find(router) == nullptr)
    return fail(fmt::format("there is no router {}", router));
  if (!found) return fail("nothing to move: this node is not active");
  return {};
}

Result<void> Switchover::give_one(PlannedMove& move, std::string_view why) {
  for (const auto& link : ground_.peers.links()) {
    if (!link->is_up() || !link->session()->has_status()) continue;
    const auto& theirs = link->session()->status().routers;
    const auto there =
        std::ranges::find(theirs, move.router().router().name, &peer::RouterStatus::name);
    if (there == theirs.end()) continue;
    if (there->priority == 0)
      return fail(fmt::format("{} is not fit: {}", link->peer_node(), there->reason));
    if (!ground_.peers.has_same_config(*link))
      return fail(fmt::format("{} runs another configuration", link->peer_node()));
    return move.give(*link, why);
  }
  return fail(ground_.settings.peer
                  ? "no other node is there to take it: its link is down"
                  : "without \"peer\" in the configuration the nodes cannot agree");
}

Result<void> Switchover::take(const std::string& router) {
  if (!router.empty() && find(router) == nullptr)
    return fail(fmt::format("there is no router {}", router));
  bool asked = false;
  for (const auto& move : moves_) {
    const std::string& name = move->router().router().name;
    if (!router.empty() && name != router) continue;
    if (move->router().state().role == machine::Role::kActive) continue;
    if (move->router().right().priority == 0)
      return fail(fmt::format("this node is not fit: {}", move->router().right().why));
    for (const auto& link : ground_.peers.links()) {
      if (!link->is_up()) continue;
      asked = true;
      link->request(kGive, {{"router", name}}, PlannedMove::kClaimTime,
                    [this, name, node = link->peer_node()](const peer::Outcome& outcome) {
                      if (!outcome.ok)
                        ground_.events.add(
                            name, fmt::format("{} does not give it: {}", node, outcome.words));
                    });
    }
  }
  if (!asked) return fail("nothing to move here: this node is active, or alone");
  return {};
}

// ---- asked for by another node -----------------------------------------------------------------

peer::Outcome Switchover::answer(const std::string& node, const peer::Request& request) {
  const auto name = request.argument.find("router");
  if (name == request.argument.end() || !name->is_string()) return refusal("which router?");
  PlannedMove* const move = find(name->get<std::string>());
  if (move == nullptr) return refusal("there is no such router here");
  if (request.name == PlannedMove::kClaim) return move->take(node, request.argument);
  if (request.name == PlannedMove::kHandOver) return move->hand_over(node, request.argument);
  if (request.name == PlannedMove::kOver) return move->end_forwarding();
  if (request.name != kGive) return refusal("this node does not know how to do that");
  if (move->router().state().role != machine::Role::kActive)
    return refusal("this node is not active");
  if (const auto begun = give_one(*move, "asked for by the other node"); !begun)
    return refusal(begun.error().message);
  return {.ok = true, .words = "it moves", .value = {}};
}

// ---- both
// ----------------------------------------------------------------------------------------

bool Switchover::is_idle() const noexcept {
  return std::ranges::none_of(moves_, [](const auto& move) { return move->is_under_way(); });
}

void Switchover::on_role_change() {
  for (const auto& move : moves_) move->on_role_change();
}

void Switchover::on_link_up(const std::string& node) {
  for (const auto& move : moves_) move->on_link_up(node);
}

void Switchover::on_link_down(const std::string& node, const peer::PeerLink::Down& down) {
  for (const auto& move : moves_) move->on_link_down(node, down);
}

void Switchover::tell_leaving() {
  pulse::Leaving leaving;
  for (const auto& move : moves_)
    for (const IpAddress& address : move->leaving()) leaving.addresses.push_back(address);
  leaving_is_told_ = ground_.to_data_plane(leaving);
}

void Switchover::feed_data_plane(bool is_new) {
  if (is_new || !leaving_is_told_) tell_leaving();
}

void Switchover::abandon() {
  for (const auto& move : moves_) move->abandon();
  if (const auto restored = arp_settings_.restore(); !restored)
    log::warning("{}", restored.error().message);
}

void Switchover::add_to(system::GuardPlan& plan) const {
  for (const auto& move : moves_) move->add_to(plan);
}

}  // namespace tandem::failover
