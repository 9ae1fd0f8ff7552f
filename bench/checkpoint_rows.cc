// checkpoint/*: what writers notice of a checkpoint of 1 GiB in 10^6 keys, and of 1 MiB without a
// frozen view.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "bench/peers/peer.h"
#include "bench/rate.h"
#include "bench/row.h"
#include "dr/host.h"
#include "dr/status_macros.h"

namespace bench {
namespace {

constexpr std::uint64_t kKeys = 1'000'000, kSmallKeys = 1'000;
constexpr std::size_t kValueBytes = 1024, kKeyBytes = sizeof(std::uint64_t);
constexpr std::size_t kLeafKeys = 1024;
constexpr std::uint64_t kStride = 7919;  // from one key written to the next
constexpr int kWriters = 4;
constexpr double kPauseSeconds = 0.3;

enum class View { kNone, kFrozen };

/// Keys and values in leaves that a frozen view shares until they are written to.
class Table final : public dr::StatefulComponent {
 public:
  Table(std::uint64_t keys, View view)
      : StatefulComponent("table", {.name = "table", .version = 1}),
        view_(view),
        leaves_(keys / kLeafKeys + 1) {
    for (auto& leaf : leaves_) leaf = std::make_shared<Leaf>();
  }
  absl::Status Put(std::uint64_t key, std::string_view value, dr::Durability durability) {
    std::array<char, kKeyBytes + kValueBytes> payload;
    std::memcpy(payload.data(), &key, kKeyBytes);
    value.copy(payload.data() + kKeyBytes, kValueBytes);
    return Commit({payload.data(), payload.size()}, {.durability = durability}).status();
  }

 private:
  using Leaf = std::array<std::shared_ptr<const std::string>, kLeafKeys>;
  using Leaves = std::vector<std::shared_ptr<Leaf>>;

  absl::Status Apply(const dr::Operation& operation) override {
    std::uint64_t key = 0;
    std::memcpy(&key, operation.payload.data(), kKeyBytes);
    std::shared_ptr<Leaf>& leaf = leaves_[key / kLeafKeys];
    if (leaf.use_count() > 1) leaf = std::make_shared<Leaf>(*leaf);
    std::atomic_thread_fence(std::memory_order_acquire);  // what a view did before it let go
    (*leaf)[key % kLeafKeys] =
        std::make_shared<const std::string>(operation.payload.substr(kKeyBytes));
    return absl::OkStatus();
  }
  static absl::Status Write(const Leaves& leaves, dr::StateWriter& out) {
    for (const auto& leaf : leaves) {
      for (const auto& value : *leaf) {
        if (value != nullptr) DR_RETURN_IF_ERROR(out.Write(*value));
      }
    }
    return absl::OkStatus();
  }
  absl::Status SaveState(dr::StateWriter& out) const override { return Write(leaves_, out); }
  dr::FrozenState FreezeState() const override {
    if (view_ == View::kNone) return nullptr;
    return [leaves = leaves_](dr::StateWriter& out) { return Write(leaves, out); };
  }
  absl::Status LoadState(dr::StateReader&) override { return absl::OkStatus(); }

  const View view_;
  Leaves leaves_;
};

class DrState final : public StateStore {
 public:
  static absl::StatusOr<std::shared_ptr<DrState>> Open(const std::string& directory,
                                                       std::uint64_t keys, View view) {
    auto state = std::make_shared<DrState>(keys, view);
    DR_ASSIGN_OR_RETURN(state->host_,
                        dr::Host::Open({.directory = directory,
                                        .components = {&state->table_},
                                        .checkpoint = {.interval = {}, .log_bytes = 0}},
                                       dr::AdapterRegistry()));
    DR_RETURN_IF_ERROR(state->host_->Start());
    DR_RETURN_IF_ERROR(state->Fill(keys, std::string(kValueBytes, 'a')));
    return state;
  }
  DrState(std::uint64_t keys, View view) : table_(keys, view) {}

  absl::Status Put(std::uint64_t key, std::string_view value) override {
    return table_.Put(key, value, dr::Durability::kProcess);
  }
  absl::Status PutDurably(std::uint64_t key, std::string_view value) {
    return table_.Put(key, value, dr::Durability::kLocal);
  }
  absl::Status Checkpoint() override { return host_->Checkpoint().status(); }

 private:
  Table table_;
  std::unique_ptr<dr::Host> host_;
};

// Puts 2,000 values a second until told to stop. A writer without a pause of its own would measure
// how the machine shares two cores.
absl::Status PutWhile(const std::atomic<bool>& wanted, StateStore& store, std::uint64_t keys,
                      std::vector<double>& waits) {
  const std::string value(kValueBytes, 'b');
  for (std::uint64_t i = 0; wanted; ++i) {
    const double begin = Seconds();
    DR_RETURN_IF_ERROR(store.Put(i * kStride % keys, value));
    waits.push_back(Seconds() - begin);
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  return absl::OkStatus();
}

// How long a writer waits while checkpoints are taken back to back.
absl::StatusOr<Measurement> WaitDuringCheckpoints(StateStore& store, std::uint64_t keys) {
  std::atomic<bool> wanted = true;
  absl::Status written, taken;
  std::vector<double> waits;
  std::thread writer([&] { written = PutWhile(wanted, store, keys, waits); });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));  // for something to have changed
  for (const double end = Seconds() + kPauseSeconds; taken.ok() && Seconds() < end;) {
    taken = store.Checkpoint();
  }
  wanted = false;
  writer.join();
  DR_RETURN_IF_ERROR(taken);
  DR_RETURN_IF_ERROR(written);
  const auto p99 = waits.begin() + static_cast<std::ptrdiff_t>((waits.size() - 1) * 99 / 100);
  std::nth_element(waits.begin(), p99, waits.end());
  return Measurement{*p99 * 1e6};
}

Round Pauses(std::shared_ptr<StateStore> store, std::uint64_t keys) {
  return [=] { return WaitDuringCheckpoints(*store, keys); };
}

absl::StatusOr<Field> PreparePause(Place& place) {
  const std::uint64_t keys = place.Scaled(kKeys);
  Field field;
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("dr"));
  DR_ASSIGN_OR_RETURN(auto frozen, DrState::Open(directory, keys, View::kFrozen));
  field.dr = Pauses(std::move(frozen), keys);
  for (const StatePeer& peer : AllPeers().states) {
    if (!place.TakesPart(peer.name)) continue;
    DR_ASSIGN_OR_RETURN(directory, place.Fresh("peer"));
    absl::StatusOr<std::shared_ptr<StateStore>> store = peer.open(directory);
    if (!store.ok()) {
      field.LeaveOut(peer.name, store.status());
      continue;
    }
    DR_RETURN_IF_ERROR((*store)->Fill(keys, std::string(kValueBytes, 'a')));
    field.peers.push_back({peer.name, Pauses(*std::move(store), keys)});
  }
  return field;
}

// What a component without a view costs its writers: SaveState runs under its lock.
absl::StatusOr<Field> PrepareDefaultPause(Place& place) {
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("small"));
  DR_ASSIGN_OR_RETURN(auto small, DrState::Open(directory, kSmallKeys, View::kNone));
  return Field{.dr = Pauses(std::move(small), kSmallKeys)};
}

absl::StatusOr<double> DurableRate(DrState& state, std::uint64_t keys, double seconds) {
  const std::string value(kValueBytes, 'c');
  std::atomic<std::uint64_t> next = 0;
  return Rate(kWriters, seconds, [&](int) -> absl::StatusOr<std::uint64_t> {
    DR_RETURN_IF_ERROR(state.PutDurably(next++ * kStride % keys, value));
    return 1;
  });
}

// The share of its throughput that the log keeps while checkpoints run back to back.
absl::StatusOr<Measurement> KeptThroughput(DrState& state, std::uint64_t keys, double seconds) {
  DR_ASSIGN_OR_RETURN(double before, DurableRate(state, keys, seconds));
  std::atomic<bool> done = false;
  absl::Status taken;
  std::thread taker([&] {
    while (!done && taken.ok()) taken = state.Checkpoint();
  });
  absl::StatusOr<double> beside = DurableRate(state, keys, 2 * seconds);
  done = true;
  taker.join();
  DR_RETURN_IF_ERROR(taken);
  DR_RETURN_IF_ERROR(beside.status());
  DR_ASSIGN_OR_RETURN(double after, DurableRate(state, keys, seconds));
  return Measurement{*beside / ((before + after) / 2)};
}

absl::StatusOr<Field> PrepareOverhead(Place& place) {
  const std::uint64_t keys = place.Scaled(kKeys);
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("dr"));
  DR_ASSIGN_OR_RETURN(auto state, DrState::Open(directory, keys, View::kFrozen));
  DR_RETURN_IF_ERROR(state->Checkpoint());
  return Field{
      .dr = [=,
             seconds = 2 * place.round_seconds()] { return KeptThroughput(*state, keys, seconds); },
      .limit = [] { return Measurement{1.0}; }};
}

}  // namespace

std::vector<Row> CheckpointRows() {
  return {{.name = "checkpoint/pause",
           .unit = "us",
           .better = Better::kLower,
           .goal = {.value = 500},
           .rounds_max = 3,
           .prepare = PreparePause},
          {.name = "checkpoint/pause/default",
           .unit = "us",
           .better = Better::kLower,
           .goal = {.value = 1000},
           .rounds_max = 3,
           .prepare = PrepareDefaultPause},
          {.name = "checkpoint/overhead",
           .unit = "share",
           .goal = {.limit = 0.95},
           .rounds_max = 7,
           .prepare = PrepareOverhead}};
}

}  // namespace bench
