#include "lb/balance/virtual_deadlines.h"

#include <algorithm>
#include <cmath>

namespace tandem::lb::balance {

std::uint64_t VirtualDeadlines::first_due(std::size_t rank, const Round& round,
                                          std::uint32_t weight) const noexcept {
  const double turned = static_cast<double>(rank) / static_cast<double>(round.servers) + offset_;
  const double place = turned - std::floor(turned);
  // The larger its share, the nearer to the middle of its period: the round is never further from
  // exact than its heaviest servers are, and those are half a turn off at most.
  const double margin = std::min(2.0 * weight / static_cast<double>(round.weight), kMarginMax);
  const double phase = margin + (1 - 2 * margin) * place;
  return now_ + static_cast<std::uint64_t>(phase * static_cast<double>(kPeriod / weight));
}

VirtualDeadlines::Turn VirtualDeadlines::turn_after_change(const Turn& old,
                                                           std::uint64_t period) const noexcept {
  const std::uint64_t wait = old.due > now_ ? old.due - now_ : 0;
  const double share = static_cast<double>(wait) / static_cast<double>(old.period);
  return {now_ + static_cast<std::uint64_t>(share * static_cast<double>(period)), period};
}

void VirtualDeadlines::rebuild(const ServerView& view, std::span<const std::uint32_t> weights) {
  if (turns_.size() != view.size()) {
    turns_.assign(view.size(), {});
    due_.reset(view.size());
    aside_.reserve(view.size());
  }
  const auto in_round = [&](ServerIndex i) { return view[i].usable && weights[i] > 0; };
  Round round;
  for (ServerIndex i = 0; i < view.size(); ++i) {
    if (!in_round(i)) continue;
    ++round.servers;
    round.weight += weights[i];
  }

  aside_.clear();
  std::size_t rank = 0;
  for (ServerIndex i = 0; i < view.size(); ++i) {
    Turn& turn = turns_[i];
    if (!in_round(i)) {
      turn = {};
      due_.put(i, {MinTree::kAbsent, 0});
      continue;
    }
    const std::uint64_t period = kPeriod / weights[i];
    if (turn.period == 0) {
      turn = {first_due(rank, round, weights[i]), period};
    } else if (turn.period != period) {
      turn = turn_after_change(turn, period);
    }
    due_.put(i, {std::max(turn.due, now_), i});
    ++rank;
  }
  due_.play_all();
}

void VirtualDeadlines::stand_aside(ServerIndex i) noexcept {
  due_.remove(i);
  aside_.push_back(i);
}

void VirtualDeadlines::let_back_in(const ServerView& view, std::size_t looks) noexcept {
  for (looks = std::min(looks, aside_.size()); looks > 0; --looks) {
    if (next_look_ >= aside_.size()) next_look_ = 0;
    const ServerIndex i = aside_[next_look_];
    if (view.full(i)) {
      ++next_look_;
      continue;
    }
    aside_[next_look_] = aside_.back();
    aside_.pop_back();
    // The turn it was owed is due now; those it could not have taken are gone.
    due_.set(i, {std::max(turns_[i].due, now_), i});
  }
}

std::optional<ServerIndex> VirtualDeadlines::next_with_room(const PickRequest& request,
                                                            const ServerView& view) noexcept {
  for (;;) {
    const std::optional<ServerIndex> next = due_.min_except(request.tried);
    if (!next || !view.full(*next)) return next;
    stand_aside(*next);
  }
}

std::optional<ServerIndex> VirtualDeadlines::pick(const PickRequest& request,
                                                  const ServerView& view) noexcept {
  if (!aside_.empty()) let_back_in(view, kAsideLooks);
  std::optional<ServerIndex> next = next_with_room(request, view);
  if (!next && !aside_.empty()) {
    let_back_in(view, aside_.size());
    next = next_with_room(request, view);
  }
  if (!next) return std::nullopt;

  const std::uint64_t due = due_.key(*next).rank;
  // A tried server passed over keeps an earlier deadline than `now_`; it must not turn time back.
  now_ = std::max(now_, due);
  Turn& turn = turns_[*next];
  turn.due = due + turn.period;
  due_.set(*next, {turn.due, *next});
  if (now_ >= kRebaseAt) rebase();
  return next;
}

void VirtualDeadlines::rebase() noexcept {
  for (ServerIndex i = 0; i < turns_.size(); ++i) {
    Turn& turn = turns_[i];
    turn.due = turn.due > now_ ? turn.due - now_ : 0;
    if (due_.has(i)) due_.put(i, {turn.due, i});
  }
  now_ = 0;
  due_.play_all();
}

}  // namespace tandem::lb::balance
