#include "failover/actuator_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tandem::failover {
namespace {

// The machine may ask with every advert it hears from another: more than this is not asked for.
constexpr system::TurnBudget::Terms kConfirms{.turn = std::chrono::minutes(1), .burst = 3};

}  // namespace

std::string_view actuation_name(Actuation actuation) noexcept {
  switch (actuation) {
    case Actuation::kAcquire:
      return "acquire";
    case Actuation::kReadBack:
      return "read_back";
    case Actuation::kRelease:
      return "release";
  }
  return "";
}

ActuatorPlan::ActuatorPlan(Settings settings)
    : settings_(settings),
      sites_(settings.addresses),
      retry_(settings.retry),
      take_backs_(fresh_take_backs()),
      confirms_(kConfirms) {}

system::TurnBudget ActuatorPlan::fresh_take_backs() const {
  return system::TurnBudget({.turn = kTakeBackEvery, .burst = kTakeBacks});
}

void ActuatorPlan::acquire(Instant now, bool adopts) {
  sites_.assign(sites_.size(), Site{.is_taken = adopts});
  begin(Wish::kHave, now);
}

void ActuatorPlan::release(Instant now) {
  const bool is_to_be_told = settings_.releases && wish_ == Wish::kHave;
  sites_.assign(sites_.size(), Site{});
  begin(is_to_be_told ? Wish::kGone : Wish::kNothing, now);
}

void ActuatorPlan::begin(Wish wish, Instant now) {
  wish_ = wish;
  is_running_ = false;
  is_fresh_ = true;
  again_ = false;
  was_done_ = false;
  fault_.clear();
  retry_ = settings_.retry;
  take_backs_ = fresh_take_backs();
  begin_round(wish == Wish::kNothing ? Instant::max() : now);
}

void ActuatorPlan::confirm(Instant now) {
  // The first run is on its way already.
  if (wish_ != Wish::kHave || is_fresh_ || !confirms_.take(now)) return;
  take_backs_ = fresh_take_backs();
  retry_ = settings_.retry;
  if (!settings_.reads_back)
    for (Site& site : sites_) site.is_here = false;
  if (is_running_)
    again_ = true;
  else
    begin_round(now);
}

void ActuatorPlan::begin_round(Instant at) {
  due_ = at;
  again_ = false;
  const std::size_t first = next_place(0);
  step_to(first == sites_.size() ? 0 : first);
}

/// Without reading back, what is here needs nothing more.
std::size_t ActuatorPlan::next_place(std::size_t from) const {
  while (from < sites_.size() && !settings_.reads_back && sites_[from].is_here) ++from;
  return from;
}

void ActuatorPlan::step_to(std::size_t place) {
  const bool reads = settings_.reads_back && sites_[place].is_taken;
  task_ = {.what = wish_ == Wish::kGone ? Actuation::kRelease
                   : reads              ? Actuation::kReadBack
                                        : Actuation::kAcquire,
           .place = place};
  is_confirming_ = false;
}

std::optional<ActuatorPlan::Task> ActuatorPlan::next(Instant now) {
  if (wish_ == Wish::kNothing || is_running_ || now < due_) return std::nullopt;
  is_running_ = true;
  is_fresh_ = false;
  return task_;
}

ActuatorPlan::News ActuatorPlan::ended(const Outcome& outcome, Instant now) {
  is_running_ = false;
  due_ = now;  // of whatever comes next, unless it is another round
  Site& site = sites_[task_.place];
  switch (task_.what) {
    case Actuation::kAcquire:
      return acquired(site, outcome, now);
    case Actuation::kReadBack:
      return read(site, outcome, now);
    case Actuation::kRelease:
      // Not tried again: the other node may have it by now, and must not lose it.
      site.fault = outcome.fault;
      return finish(now);
  }
  return News::kNone;
}

ActuatorPlan::News ActuatorPlan::acquired(Site& site, const Outcome& outcome, Instant now) {
  site.fault = outcome.fault;
  site.is_taken = outcome.fault.empty();
  if (!site.is_taken) {
    site.is_here = false;
    return finish(now);
  }
  if (settings_.reads_back) {
    task_.what = Actuation::kReadBack;
    is_confirming_ = true;
    return News::kNone;
  }
  site.is_here = true;
  return finish(now);
}

ActuatorPlan::News ActuatorPlan::read(Site& site, const Outcome& outcome, Instant now) {
  site.fault = outcome.fault;
  if (!outcome.fault.empty()) return finish(now);
  if (!outcome.elsewhere.empty()) return seen_elsewhere(site, outcome, now);
  site.is_here = true;
  return finish(now);
}

ActuatorPlan::News ActuatorPlan::seen_elsewhere(Site& site, const Outcome& outcome, Instant now) {
  const bool was_here = std::exchange(site.is_here, false);
  site.fault = outcome.elsewhere;
  was_done_ = false;
  if (is_confirming_) {
    // Some networks need a moment: the next round reads before it acquires.
    site.fault += ", though it was acquired";
    return finish(now);
  }
  if (outcome.other_is_active)
    site.fault += "; not taken back while the other node is active";
  else if (!take_backs_.take(now))
    site.fault += "; taken back too often: left there for a while";
  else {
    task_.what = Actuation::kAcquire;
    return was_here ? News::kMovedAway : News::kNone;
  }
  const News news = finish(now);
  return was_here ? News::kMovedAway : news;
}

/// This address has had its turn in the round.
ActuatorPlan::News ActuatorPlan::finish(Instant now) {
  const std::size_t place = next_place(task_.place + 1);
  if (place == sites_.size()) return end_round(now);
  step_to(place);
  return News::kNone;
}

ActuatorPlan::News ActuatorPlan::end_round(Instant now) {
  const auto faulty = std::ranges::find_if(sites_, [](const Site& s) { return !s.fault.empty(); });
  const bool is_faulty = faulty != sites_.end();
  const std::string before = std::exchange(fault_, is_faulty ? faulty->fault : "");
  if (wish_ == Wish::kGone) {
    wish_ = Wish::kNothing;
    due_ = Instant::max();
    return is_faulty ? News::kFault : News::kDone;
  }
  if (again_) {
    begin_round(now);
  } else if (is_faulty) {
    begin_round(now + retry_);
    retry_ = std::max(settings_.retry, std::min(2 * retry_, kRetryMost));
  } else {
    begin_round(settings_.reads_back ? now + settings_.interval : Instant::max());
    retry_ = settings_.retry;
  }
  const bool was_done = std::exchange(was_done_, is_done());
  if (is_faulty) return fault_ == before ? News::kNone : News::kFault;
  return was_done ? News::kNone : News::kDone;
}

bool ActuatorPlan::is_done() const noexcept {
  if (wish_ != Wish::kHave) return wish_ == Wish::kNothing;
  return std::ranges::all_of(sites_, [](const Site& s) { return s.is_here && s.fault.empty(); });
}

}  // namespace tandem::failover
