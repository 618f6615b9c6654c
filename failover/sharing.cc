#include "failover/sharing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace tandem::failover {
namespace {

/// What one event names.
constexpr std::size_t kNotedMax = 10;

peer::EventsPart::Event told(const Event& event) {
  return {.at = std::chrono::floor<std::chrono::milliseconds>(event.at),
          .router = event.router,
          .words = event.words.substr(0, Sharing::kWordsBytesMax)};
}

}  // namespace

Sharing::Sharing(event::Loop& loop, ServerSettings& settings, EventLog& events, Ways ways)
    : settings_(settings),
      events_(events),
      ways_(std::move(ways)),
      feed_more_(loop, [this] { feed_data_plane(); }),
      note_(loop, [this] { write_note(); }) {
  events_.set_on_add([this](const Event& event) { tell_events(event); });
}

Sharing::~Sharing() {
  write_note();
  events_.set_on_add({});
}

// ---- the data plane ----------------------------------------------------------------------------

void Sharing::begin_data_plane() {
  settings_.begin_data_plane();
  data_plane_told_ = 0;
  feed_data_plane();
}

void Sharing::feed_data_plane() {
  for (std::size_t i = 0; i < kAtOnce; ++i) {
    std::uint64_t version = data_plane_told_;
    const auto next = settings_.changes(ServerSettings::Reader::kDataPlane, version, 1);
    if (next.empty() || !ways_.to_data_plane(next.front())) return;
    data_plane_told_ = version;
  }
  feed_more_.start(Milliseconds(1));
}

void Sharing::hear(const pulse::ServerSetting& setting) {
  if (!settings_.take_from_data_plane(setting)) return;
  if (setting.what != pulse::ServerSetting::What::kHealth) note(setting);
  spread();
}

// ---- the other nodes ---------------------------------------------------------------------------

void Sharing::begin(const std::string& node) {
  settings_.begin_peer(node);
  Partner& partner = partners_[node];
  partner = {.is_up = true, .resyncs = partner.resyncs + 1};
  tell_history(node);
  feed(node, partner);
}

void Sharing::end(const std::string& node) {
  Partner& partner = partners_[node];
  partner.is_up = false;
  partner.behind_since.reset();
}

void Sharing::hear(const std::string& node, const peer::SettingsPart& part) {
  bool is_new = false;
  for (const pulse::ServerSetting& setting : part.settings)
    is_new = settings_.take_from_peer(node, setting) || is_new;
  ways_.taken(node, {.number = part.number});
  if (is_new) spread();
}

void Sharing::hear(const std::string& node, const peer::SettingsTaken& taken) {
  Partner& partner = partners_[node];
  if (!partner.is_awaited || taken.number != partner.part) return;
  partner.is_awaited = false;
  partner.behind_since.reset();
  feed(node, partner);
}

void Sharing::hear(const std::string& node, const peer::EventsPart& part) {
  for (const peer::EventsPart::Event& event : part.events)
    events_.take({.at = event.at, .node = node, .router = event.router, .words = event.words});
}

void Sharing::spread() {
  feed_data_plane();
  for (auto& [node, partner] : partners_) feed(node, partner);
}

/// One part is on its way at a time, so that a slow node makes nothing pile up.
void Sharing::feed(const std::string& node, Partner& partner) {
  if (!partner.is_up || partner.is_awaited) return;
  auto changes = settings_.changes(ServerSettings::Reader::kPeer, partner.told, peer::kSettingsMax);
  if (changes.empty()) return;
  partner.is_awaited = true;
  partner.behind_since = Clock::now();
  ways_.settings(node, {.number = ++partner.part, .settings = std::move(changes)});
}

// ---- events ------------------------------------------------------------------------------------

void Sharing::tell_events(const Event& event) {
  for (const auto& [node, partner] : partners_)
    if (partner.is_up) ways_.events(node, {.events = {told(event)}});
}

void Sharing::tell_history(const std::string& node) {
  const auto& events = events_.events();
  const std::size_t count = std::min(events.size(), peer::kEventsMax);
  peer::EventsPart part;
  for (std::size_t i = events.size() - count; i < events.size(); ++i)
    part.events.push_back(told(events[i]));
  if (!part.events.empty()) ways_.events(node, part);
}

void Sharing::note(const pulse::ServerSetting& setting) {
  if (noted_.empty()) note_.start(kGather);
  if (noted_.size() < kNotedMax)
    noted_.push_back(words_of(setting));
  else
    ++noted_more_;
}

void Sharing::write_note() {
  if (noted_.empty()) return;
  const std::vector<std::string> noted = std::exchange(noted_, {});
  const std::size_t more = std::exchange(noted_more_, 0);
  events_.add("", fmt::format("set by an operator: {}{}", fmt::join(noted, ", "),
                              more == 0 ? "" : fmt::format(" and {} more", more)));
}

// ---- how it stands -----------------------------------------------------------------------------

const Sharing::Partner* Sharing::find(const std::string& node) const {
  const auto found = partners_.find(node);
  return found == partners_.end() ? nullptr : &found->second;
}

bool Sharing::is_in_step(const std::string& node) const {
  const Partner* partner = find(node);
  return partner != nullptr && partner->is_up && !partner->behind_since;
}

Duration Sharing::lag(const std::string& node) const {
  const Partner* partner = find(node);
  if (partner == nullptr || !partner->behind_since) return Duration::zero();
  return Clock::now() - *partner->behind_since;
}

std::uint64_t Sharing::resyncs(const std::string& node) const {
  const Partner* partner = find(node);
  return partner == nullptr ? 0 : partner->resyncs;
}

}  // namespace tandem::failover
