// A log under real load: every kind of append beside readers, trims, seals and held growth, with
// deadlines that really end. What is submitted comes back once, in order and whole.

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>
#include <vector>

#include "dr/environment/file_system.h"
#include "fmt/format.h"
#include "tests/log/log_fixture.h"
#include "tests/support/load_seconds.h"

namespace dr::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Load {
  LogOptions log;
  int writers = 4;
  std::size_t batch_max = 1;
  std::size_t payload_max = 16 << 10;
  microseconds patience_max = {};  ///< 0: no deadline
  bool trims = true;
};

/// "writer sequence batch_end " and then filling.
std::string PayloadOf(int writer, std::uint64_t sequence, std::uint64_t batch_end,
                      std::size_t size) {
  std::string payload = fmt::format("{} {} {} ", writer, sequence, batch_end);
  payload.resize(std::max(payload.size(), size), static_cast<char>('a' + sequence % 26));
  return payload;
}

/// Checks that each writer's records come once, in order, and batches as a whole.
class Follower {
 public:
  explicit Follower(int writers) : sequences_(writers) {}

  /// Empty, or what is wrong with the record.
  std::string See(const RecordView& record) {
    int writer = 0;
    unsigned long long sequence = 0, batch_end = 0;
    const std::string head(record.payload.substr(0, 64));
    if (std::sscanf(head.c_str(), "%d %llu %llu ", &writer, &sequence, &batch_end) != 3) {
      return fmt::format("no record of ours at {}", record.lsn.value);
    }
    if (record.payload != PayloadOf(writer, sequence, batch_end, record.payload.size())) {
      return fmt::format("another payload at {}", record.lsn.value);
    }
    if (last_ != Lsn{} && record.lsn != Next(last_)) {
      return fmt::format("{} follows {}", record.lsn.value, last_.value);
    }
    if (open_writer_ >= 0 && writer != open_writer_) {
      return fmt::format("a batch is interrupted at {}", record.lsn.value);
    }
    last_ = record.lsn;
    open_writer_ = sequence == batch_end ? -1 : writer;
    std::uint64_t& before = sequences_[writer];
    if (before != 0 && sequence != before + 1) {
      return fmt::format("of writer {}, {} follows {}", writer, sequence, before);
    }
    before = sequence;
    return "";
  }
  Lsn last() const { return last_; }
  bool in_batch() const { return open_writer_ >= 0; }
  std::uint64_t sequence_of(int writer) const { return sequences_[writer]; }

 private:
  Lsn last_;
  int open_writer_ = -1;
  std::vector<std::uint64_t> sequences_;
};

class LoadedLog {
 public:
  explicit LoadedLog(const Load& load) : load_(load), written_(load.writers) {
    log_ = Value(TryOpen(*directory_, clock_, random_, load.log));
  }

  void Run(milliseconds time) {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < load_.writers; ++writer) {
      threads.emplace_back([this, writer] { Write(writer); });
    }
    threads.emplace_back([this] { Follow(); });
    threads.emplace_back([this] { Keep(); });
    std::this_thread::sleep_for(time);
    stop_ = true;
    threads.clear();
    INFO(wrong_);
    REQUIRE(wrong_.empty());
    REQUIRE_OK(log_.wal->status());
    REQUIRE_OK(log_.log->Persist(log_.log->last()));
  }

  /// What is read anew, and after the log was opened again, goes on to the last that was submitted.
  void CheckAll(bool reopen) {
    const Lsn last = log_.log->last();
    if (reopen) {
      REQUIRE_OK(log_.wal->Seal());
      log_ = {};
      LogOptions options = load_.log;
      options.needed_from = {trimmed_.load()};
      log_ = Value(TryOpen(*directory_, clock_, random_, options));
    }
    Follower follower(load_.writers);
    std::unique_ptr<WalReader> reader = Value(log_.wal->Read({trimmed_.load()}));
    while (std::optional<RecordView> record = Value(reader->Next())) {
      const std::string wrong = follower.See(*record);
      INFO(wrong);
      REQUIRE(wrong.empty());
    }
    CHECK(follower.last() == last);
    CHECK_FALSE(follower.in_batch());
    for (int writer = 0; writer < load_.writers; ++writer) {
      const std::uint64_t seen = follower.sequence_of(writer);
      CHECK((seen == 0 || seen == written_[writer]));
    }
  }

  std::uint64_t operations() const { return log_.log->last().value; }

 private:
  void Write(int writer) {
    std::mt19937_64 dice(static_cast<std::uint64_t>(writer) + 1);
    std::stop_source stopper;
    while (!stop_ && !failed()) {
      std::vector<std::string> payloads(1 + dice() % load_.batch_max);
      const std::uint64_t first = written_[writer] + 1;
      const std::uint64_t end = written_[writer] + payloads.size();
      // Mostly short, now and then as long as they get.
      const std::size_t longest = dice() % 16 == 0 ? load_.payload_max : load_.payload_max / 64;
      for (std::size_t i = 0; i < payloads.size(); ++i) {
        payloads[i] = PayloadOf(writer, first + i, end, dice() % (longest / payloads.size() + 1));
      }
      Context context;
      if (load_.patience_max.count() > 0) {
        context.deadline = clock_.Now() + microseconds(10 + dice() % load_.patience_max.count());
        if (dice() % 4 == 0) {
          stopper = {};
          context.stop = stopper.get_token();
          if (dice() % 2 == 0) stopper.request_stop();
        }
      }
      Lsn taken;
      const absl::StatusOr<Lsn> lsn = log_.AppendBatch(std::move(payloads), context, &taken);
      if (taken != Lsn{}) written_[writer] = end;
      const bool late = absl::IsDeadlineExceeded(lsn.status()) || absl::IsCancelled(lsn.status());
      if (lsn.ok() && log_.wal->durable() < *lsn) return Fail("acknowledged before it was durable");
      if (lsn.ok() ||
          (absl::IsUnknown(lsn.status()) && taken != Lsn{} && context.deadline != Instant{}) ||
          (late && taken == Lsn{})) {
        continue;
      }
      // While growth is held the log may have no room.
      if (IsFault(lsn.status(), FaultKind::kNoSpace) && taken == Lsn{}) continue;
      return Fail(std::string(lsn.status().ToString()));
    }
  }

  // Reads all that becomes durable; the log is trimmed right behind it, so there is never a gap.
  void Follow() {
    Follower follower(load_.writers);
    std::unique_ptr<WalReader> reader = *log_.wal->Read({1});
    while (!failed()) {
      const bool last_look = stop_;
      absl::StatusOr<std::optional<RecordView>> record = reader->Next();
      if (!record.ok()) return Fail(std::string(record.status().ToString()));
      if (!*record) {
        if (last_look) return;
        std::this_thread::yield();
        continue;
      }
      if (std::string wrong = follower.See(**record); !wrong.empty()) return Fail(wrong);
      read_ = (*record)->lsn.value;
    }
  }

  void Keep() {
    std::mt19937_64 dice(99);
    while (!stop_ && !failed()) {
      absl::Status kept;
      switch (dice() % 4) {
        case 0:
          kept = log_.wal->Prepare().status();
          break;
        case 1:
          kept = log_.wal->Seal();
          break;
        case 2:
          if (!load_.trims) break;
          trimmed_ = read_ + 1;
          kept = log_.wal->Trim({trimmed_.load()});
          break;
        case 3:
          kept = log_.wal->HoldGrowth(true);
          std::this_thread::sleep_for(milliseconds(1));
          if (kept.ok()) kept = log_.wal->HoldGrowth(false);
          break;
      }
      if (!kept.ok() && !IsFault(kept, FaultKind::kNoSpace)) {
        return Fail(std::string(kept.ToString()));
      }
      std::this_thread::sleep_for(microseconds(dice() % 2000));
    }
  }

  void Fail(std::string why) {
    const std::lock_guard lock(mutex_);
    if (wrong_.empty()) wrong_ = std::move(why);
    failed_ = true;
  }
  bool failed() const { return failed_; }

  const Load load_;
  TempDirectory temporary_;
  PosixFileSystem files_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<Directory> directory_ =
      Value(files_.OpenDirectory(temporary_.path(), Create::kNever));
  OpenLog log_;
  std::vector<std::uint64_t> written_;  ///< of each writer: the last sequence with an Lsn
  std::atomic<std::uint64_t> read_ = 0, trimmed_ = 1;
  std::atomic<bool> stop_ = false, failed_ = false;
  std::mutex mutex_;
  std::string wrong_;
};

void RunLoad(const Load& load) {
  LoadedLog log(load);
  log.Run(LoadTime(milliseconds(700)));
  log.CheckAll(false);
  log.CheckAll(true);
  CHECK(log.operations() > 100);
}

constexpr LogOptions kSmall{
    .segment_bytes = 256 << 10, .group_bytes = 32 << 10, .ring_capacity = 256};
constexpr LogOptions kUsual{
    .segment_bytes = 16 << 20, .group_bytes = 1 << 20, .ring_capacity = 4096};

TEST_CASE("many writers of large records beside one that keeps the log poison nothing (K79)") {
  RunLoad({.log = kUsual, .writers = 16, .payload_max = 16 << 10});
}

TEST_CASE("batches of many operations over groups and segments reach their end (K95)") {
  RunLoad({.log = kSmall, .batch_max = 100, .payload_max = 5 << 20});
}

TEST_CASE("a reader that keeps up meets no gap while the log is trimmed behind it (K96)") {
  RunLoad({.log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 32}});
}

TEST_CASE("deadlines that end under load open outcomes and break nothing (K70)") {
  const int step = GENERATE(100, 2'000, 20'000);
  RunLoad({.log = kSmall,
           .writers = 6,
           .batch_max = 8,
           .payload_max = 64 << 10,
           .patience_max = microseconds(step)});
}

}  // namespace
}  // namespace dr::test
