// The life of one host on a simulated disk, and what must be true of it at each opening.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dr/host.h"
#include "dr/status.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_crash.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"
#include "tests/fuzz/written_log.h"

namespace dr::test {

/// Keeps the ids of its operations, in order.
class Journal final : public StatefulComponent {
 public:
  using Ids = std::vector<std::uint64_t>;
  explicit Journal(std::string id) : StatefulComponent(std::move(id), {"journal", 1}) {}
  absl::Status Add(std::string_view payload) { return Commit(payload).status(); }
  const Ids& ids() const { return ids_; }

 private:
  absl::Status Apply(const Operation& op) override {
    ids_.push_back(std::strtoull(std::string(op.payload).c_str(), nullptr, 10));
    Require(op.payload == WrittenLog::Payload(ids_.back(), op.payload.size()), "another payload");
    return absl::OkStatus();
  }
  absl::Status SaveState(StateWriter& out) const override {
    for (std::uint64_t id : ids_) {
      if (absl::Status s = out.Write(std::to_string(id)); !s.ok()) return s;
    }
    return absl::OkStatus();
  }
  absl::Status LoadState(StateReader& in) override {
    ids_.clear();
    for (;;) {
      auto record = in.Next();
      if (!record.ok() || !*record) return record.status();
      ids_.push_back(std::strtoull(std::string(**record).c_str(), nullptr, 10));
    }
  }

  Ids ids_;
};

class HostLife {
 public:
  explicit HostLife(bool direct) : disk_(new SimFileSystem({.direct = direct})) {}

  SimFileSystem& disk() { return *disk_; }
  /// Opens the host and judges what it holds. False: it is refused, rightly.
  bool Recover();
  bool Ready() { return open_ != nullptr || Recover(); }
  void Close() { open_.reset(); }

  /// Commits to one of the components, or as a batch to both.
  void Commit(std::size_t which, std::size_t bytes);
  void Checkpoint() { static_cast<void>(open_->host->Checkpoint()); }
  void Step() { static_cast<void>(open_->host->Step()); }
  void Shutdown() {
    static_cast<void>(open_->host->Shutdown());
    Close();
  }

  // Ends of processes.
  void Kill();
  void CutPower();
  /// The power fails some `events` before now and leaves a state that `seed` chooses.
  void CutPowerBefore(std::size_t events, std::uint64_t seed);
  /// Files have been changed while no host was open.
  void Damaged();

 private:
  static constexpr std::size_t kBoth = 2;  ///< components, and the choice of both

  struct Open {
    std::unique_ptr<Journal> journals[kBoth];
    std::unique_ptr<Host> host;
  };
  struct Written {
    std::size_t which;
    std::string refusal = {};  ///< that said that nothing has happened
  };

  absl::StatusOr<std::unique_ptr<Open>> TryOpen(SimFileSystem& disk);
  void Judge(const Open& open);
  void Replace(std::unique_ptr<SimFileSystem> disk) {
    Close();
    disk_ = std::move(disk);
    acknowledged_at_begin_ = acknowledged_.size();
  }

  std::unique_ptr<SimFileSystem> disk_;
  SimClock clock_;
  SimRandom random_{1};
  std::unique_ptr<Open> open_;
  std::vector<Written> written_ = {{.which = 0}};  ///< by id; a batch has one
  std::vector<std::uint64_t> acknowledged_;        ///< ids
  std::size_t acknowledged_at_begin_ = 0;          ///< of the disk's journal
  bool damaged_ = false;
};

inline absl::StatusOr<std::unique_ptr<HostLife::Open>> HostLife::TryOpen(SimFileSystem& disk) {
  auto open = std::make_unique<Open>();
  open->journals[0] = std::make_unique<Journal>("a");
  open->journals[1] = std::make_unique<Journal>("b");
  auto host =
      Host::Open({.directory = "agent",
                  .components = {open->journals[0].get(), open->journals[1].get()},
                  .checkpoint = {.interval = {}, .disk_share = 1, .reserve_bytes = 0},
                  .environment = {.files = &disk, .clock = &clock_, .random = &random_},
                  .log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 8}},
                 {});
  if (!host.ok()) return host.status();
  open->host = *std::move(host);
  return open;
}

// Whatever happened to the files: nothing that was never written or was refused, in order, once,
// and nothing behind a hole; and all of it, if nothing happened to them.
inline void HostLife::Judge(const Open& open) {
  const auto holds = [&](std::size_t which, std::uint64_t id) {
    const Journal::Ids& ids = open.journals[which]->ids();
    return std::binary_search(ids.begin(), ids.end(), id);
  };
  for (std::size_t which : {0, 1}) {
    std::uint64_t last = 0;
    for (std::uint64_t id : open.journals[which]->ids()) {
      Require(id > last && id < written_.size(), "an operation that was never written, or again");
      Require(written_[id].which == which || written_[id].which == kBoth, "another's operation");
      Require(written_[id].refusal.empty(), "a refused operation: " + written_[id].refusal);
      Require(written_[id].which != kBoth || holds(1 - which, id), "half a batch");
      last = id;
    }
    for (std::uint64_t id : acknowledged_) {
      if (written_[id].which != which && written_[id].which != kBoth) continue;
      Require(holds(which, id) || (damaged_ && id > last), "an acknowledged operation is lost");
    }
  }
  std::erase_if(acknowledged_, [&](std::uint64_t id) {
    return !holds(written_[id].which == kBoth ? 0 : written_[id].which, id);
  });
}

inline bool HostLife::Recover() {
  for (bool again : {false, true}) {
    Close();
    const std::uint64_t failures = disk_->failures();
    auto open = TryOpen(*disk_);
    const bool failed = disk_->failures() > failures;
    disk_->ClearFaults();
    if (open.ok()) {
      Judge(**open);
      open_ = *std::move(open);
      break;
    }
    const std::string text(open.status().ToString());
    Require(FaultOf(open.status()).has_value(), "an error without a fault: " + text);
    Require(failed || damaged_, "what a crash left is refused: " + text);
    Require(disk_->open_handles() == 0, "files stay open");
    if (!failed || again) return false;
  }
  // What was recovered survives the next power cut, and is the same then.
  const std::unique_ptr<SimFileSystem> later = disk_->AfterPowerCut();
  const auto same = TryOpen(*later);
  Require(same.ok(), "what was recovered is refused: " + std::string(same.status().ToString()));
  for (std::size_t which : {0, 1}) {
    Require((*same)->journals[which]->ids() == open_->journals[which]->ids(),
            "something else is recovered the second time");
  }
  return true;
}

inline void HostLife::Commit(std::size_t which, std::size_t bytes) {
  const std::uint64_t id = written_.size();
  written_.push_back({.which = which});
  const std::string payload = WrittenLog::Payload(id, bytes);
  absl::Status status;
  if (which == kBoth) {
    const ComponentCommit batch[] = {{open_->journals[0].get(), payload},
                                     {open_->journals[1].get(), payload}};
    status = CommitAll(batch).status();
  } else {
    status = open_->journals[which]->Add(payload);
  }
  if (status.ok()) {
    disk_->Mark(acknowledged_.size());
    acknowledged_.push_back(id);
    return;
  }
  Require(FaultOf(status).has_value(), "an error without a fault");
  if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
      absl::IsFailedPrecondition(status)) {
    written_[id].refusal = status.ToString();
  }
}

inline void HostLife::Kill() {
  Close();
  disk_ = disk_->AfterKill();
}

inline void HostLife::CutPower() {
  Close();
  Replace(disk_->AfterPowerCut());
}

inline void HostLife::CutPowerBefore(std::size_t events, std::uint64_t seed) {
  Close();
  const CrashOptions first{.items_max = 0,
                           .samples = 1,
                           .seed = seed,
                           .from = disk_->events() - std::min(disk_->events(), events + 1),
                           .shards = ~0ULL};
  std::unique_ptr<SimFileSystem> torn;
  std::size_t acknowledged = acknowledged_at_begin_;
  VisitCrashStates(*disk_, first, [&](SimFileSystem& after, const CrashPoint& point) {
    if (!point.marks.empty()) acknowledged = point.marks.back() + 1;
    torn = after.Copy();
  });
  if (torn == nullptr) return CutPower();
  acknowledged_.resize(acknowledged);
  Replace(std::move(torn));
}

inline void HostLife::Damaged() {
  damaged_ = true;
  Replace(disk_->Copy());  // all that was done to it is there to stay
}

}  // namespace dr::test
