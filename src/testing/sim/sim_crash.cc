#include "dr/testing/sim_crash.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "src/testing/sim/sim_access.h"
#include "src/testing/sim/sim_crash_plan.h"
#include "src/testing/sim/sim_history.h"
#include "src/testing/sim/splitmix.h"

namespace dr::inline v0 {
namespace {

using Kind = SimEvent::Kind;

// Whether a power cut after the event may leave what one before it may not, or the other way round.
bool ChangesPowerCut(const SimEvents& events, std::size_t index) {
  const SimEvent& event = events[index];
  switch (event.kind) {
    case Kind::kWriteEnd:
      return event.durable || event.size != events[event.begin].size;
    case Kind::kSyncEnd:
    case Kind::kSyncNamesEnd:
      return event.durable;
    case Kind::kWriteBegin:
    case Kind::kTruncate:
    case Kind::kEvict:
    case Kind::kCreate:
    case Kind::kRename:
    case Kind::kLink:
    case Kind::kRemove:
    case Kind::kRot:
      return true;
    default:
      return false;
  }
}

bool ChangesKill(const SimEvents& events, std::size_t index) {
  const Kind kind = events[index].kind;
  return kind == Kind::kWriteEnd || kind == Kind::kSyncFailed || kind == Kind::kSyncEnd ||
         ChangesPowerCut(events, index);
}

// The states of one crash point, by number.
class States {
 public:
  States(const CrashPlan& plan, const CrashOptions& options) : plan_(plan), options_(options) {
    const std::size_t items = plan.items().size();
    if (items > options.items_max) {
      count_ = options.samples;
      return;
    }
    const std::uint64_t subsets = std::uint64_t{1} << items;
    count_ = 1;
    for (const CrashPlan::Item& item : plan.items()) {
      count_ *= item.outcomes.size();
      if (count_ > subsets << 2) break;
    }
    product_ = count_ <= std::uint64_t{1} << options.items_max;
    if (!product_) count_ = 2 * subsets - 1;
  }

  std::uint64_t count() const { return count_; }

  void Choose(std::uint64_t state, std::uint64_t random, std::vector<CrashOutcome>& out) const {
    out.clear();
    const std::size_t items = plan_.items().size();
    if (items > options_.items_max) return Sample(state, random, out);
    for (std::size_t i = 0; i < items; ++i) {
      const auto& outcomes = plan_.items()[i].outcomes;
      if (product_) {
        out.push_back(outcomes[state % outcomes.size()]);
        state /= outcomes.size();
      } else {
        const std::uint64_t subsets = std::uint64_t{1} << items;
        const bool lost = (state % subsets >> i & 1) != 0;
        out.push_back(lost ? Loss(outcomes, state < subsets ? 1 : NextOf(random))
                           : CrashOutcome::kKept);
      }
    }
  }

 private:
  // A loser's outcome; 1 is the old one, where that can be told from what is kept.
  static CrashOutcome Loss(const std::vector<CrashOutcome>& outcomes, std::uint64_t pick) {
    return outcomes.size() == 1 ? outcomes[0] : outcomes[1 + (pick - 1) % (outcomes.size() - 1)];
  }

  // First the extremes, then by turns: a cut with all lost on one side of it, or each item on its
  // own, with few, half or most of them lost.
  void Sample(std::uint64_t state, std::uint64_t random, std::vector<CrashOutcome>& out) const {
    const std::size_t items = plan_.items().size();
    const std::size_t cut = NextOf(random) % items;
    const std::uint64_t lost_of_16 = std::uint64_t{1} << (NextOf(random) % 5);
    const bool old_only = NextOf(random) % 2 == 0;
    for (std::size_t i = 0; i < items; ++i) {
      const auto& outcomes = plan_.items()[i].outcomes;
      bool lost = NextOf(random) % 16 < lost_of_16;
      if (state % 4 == 0) lost = i >= cut;
      if (state % 8 == 1) lost = i < cut;
      std::uint64_t pick = old_only ? 1 : 1 + NextOf(random) % (outcomes.size() - 1);
      if (state < 4) {
        lost = state > 0;
        pick = std::max<std::uint64_t>(state, 1);  // all kept, old, zeros, garbage
      }
      out.push_back(lost ? Loss(outcomes, pick) : CrashOutcome::kKept);
    }
  }

  const CrashPlan& plan_;
  const CrashOptions& options_;
  std::uint64_t count_ = 0;
  bool product_ = false;
};

struct Detail {
  const SimEvents& events;
  const CrashPlan* plan;
  std::span<const CrashOutcome> outcomes;
};

std::string DescribePoint(const CrashPoint& point, const Detail& detail) {
  const std::string last = point.event == 0 ? "nothing" : Describe(detail.events[point.event - 1]);
  std::string out = fmt::format("after {} of {} events ({}), state {}\n", point.event,
                                detail.events.size(), last, point.state);
  return detail.plan ? out + detail.plan->Describe(detail.outcomes) : out;
}

}  // namespace

// Walks a journal; stops where a crash makes a difference.
class CrashVisit {
 public:
  CrashVisit(const SimFileSystem& disk, const CrashOptions& options, CrashVisitor visitor)
      : past_(SimAccess::HistoryOf(disk)),
        options_(options),
        visitor_(visitor),
        history_(past_.initial, options.names) {}

  CrashCount PowerCuts() {
    Walk(ChangesPowerCut, [this] { CutPower(); });
    return count_;
  }
  CrashCount Kills() {
    Walk(ChangesKill, [this] { Kill(); });
    return count_;
  }

 private:
  template <typename Changes, typename Stop>
  void Walk(Changes changes, Stop stop) {
    const SimEvents& events = past_.events;
    for (std::size_t i = 0; i <= events.size(); ++i) {
      point_.event = i;
      point_.marks = marks_;
      if (i >= options_.from && (i == events.size() || changes(events, i))) {
        ++count_.points;
        point_.state = 0;
        stop();
      }
      if (i == events.size()) break;
      history_.Apply(events[i], i);
      if (events[i].kind == Kind::kMark) marks_.push_back(events[i].size);
    }
  }

  bool IsMine() { return state_number_++ % options_.shards == options_.shard; }

  void Visit(const SimImage& initial, const SimImage& live, SimEvents events,
             const Detail& detail) {
    point_.detail_ = &detail;
    point_.describe_ = [](const CrashPoint& point) {
      return DescribePoint(point, *static_cast<const Detail*>(point.detail_));
    };
    const auto disk = SimAccess::Make(past_.options, initial, live, std::move(events));
    ++count_.states;
    visitor_(*disk, point_);
  }

  void CutPower() {
    const CrashPlan plan(history_, options_.names, options_.items_max);
    const States states(plan, options_);
    for (std::uint64_t state = 0; state < states.count(); ++state) {
      if (!IsMine()) continue;
      point_.state = state;
      std::uint64_t seed = options_.seed + (point_.event << 32) + state;
      seed = NextOf(seed);
      states.Choose(state, seed, outcomes_);
      const SimImage image = plan.Build(outcomes_, seed);
      Visit(image, image, {}, {.events = past_.events, .plan = &plan, .outcomes = outcomes_});
    }
  }

  // Each write under way in three ways; beyond four of them the rest is done.
  void Kill() {
    constexpr std::size_t kWritesMax = 4;
    const std::vector<SimEvent> ends = history_.FinishWrites();
    std::uint64_t states = 1;
    for (std::size_t i = 0; i < std::min(ends.size(), kWritesMax); ++i) states *= 3;
    const bool may_evict = std::ranges::any_of(
        history_.files(), [](const auto& file) { return !file.second.dropped.empty(); });
    for (std::uint64_t state = 0; state < (may_evict ? 2 * states : states); ++state) {
      if (!IsMine()) continue;
      point_.state = state;
      KillOnce(ends, state % states, state >= states);
    }
  }

  void KillOnce(std::vector<SimEvent> ends, std::uint64_t state, bool evict) {
    SimHistory after = history_;
    SimEvents events(past_.events.begin(),
                     past_.events.begin() + static_cast<std::ptrdiff_t>(point_.event));
    auto add = [&](SimEvent event) {
      after.Apply(event, events.size());
      events.push_back(std::move(event));
    };
    for (SimEvent& end : ends) {
      const std::uint64_t part = state % 3;  // all, nothing, half
      if (part == 1) end.size = 0;
      if (part == 2) end.size = end.size / 2 / kSimSectorBytes * kSimSectorBytes;
      state /= 3;
      add(std::move(end));
    }
    if (evict) {
      for (const auto& [inode, file] : history_.files())
        add({.kind = Kind::kEvict, .inode = inode});
    }
    const SimImage live = after.live();
    Visit(past_.initial, live, std::move(events),
          {.events = past_.events, .plan = nullptr, .outcomes = {}});
  }

  const SimDisk::History past_;
  const CrashOptions& options_;
  const CrashVisitor visitor_;
  SimHistory history_;
  std::vector<std::uint64_t> marks_;
  std::vector<CrashOutcome> outcomes_;
  std::uint64_t state_number_ = 0;
  CrashPoint point_;
  CrashCount count_;
};

std::string CrashPoint::Describe() const { return describe_(*this); }

CrashCount VisitCrashStates(const SimFileSystem& disk, const CrashOptions& options,
                            CrashVisitor visitor) {
  return CrashVisit(disk, options, visitor).PowerCuts();
}

CrashCount VisitKillStates(const SimFileSystem& disk, const CrashOptions& options,
                           CrashVisitor visitor) {
  return CrashVisit(disk, options, visitor).Kills();
}

}  // namespace dr::inline v0
