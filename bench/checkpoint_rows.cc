// checkpoint/*: what writers notice of a checkpoint of 1 GiB in 10^6 keys.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "bench/peers/peer.h"
#include "bench/rate.h"
#include "bench/row.h"
#include "dr/host.h"
#include "src/base/status_macros.h"

namespace bench {
namespace {

constexpr std::uint64_t kKeys = 1'000'000;
constexpr std::size_t kValueBytes = 1024, kKeyBytes = sizeof(std::uint64_t);
constexpr std::size_t kLeafKeys = 1024;
constexpr int kWriters = 4;

std::string Value(char fill) { return std::string(kValueBytes, fill); }

/// Keys and values in leaves that a frozen view shares until they are written to.
class Table final : public dr::StatefulComponent {
 public:
  Table() : StatefulComponent("table", {.name = "table", .version = 1}) {}
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
    return [leaves = leaves_](dr::StateWriter& out) { return Write(leaves, out); };
  }
  absl::Status LoadState(dr::StateReader&) override { return absl::OkStatus(); }

  Leaves leaves_ = [] {
    Leaves leaves(kKeys / kLeafKeys + 1);
    for (auto& leaf : leaves) leaf = std::make_shared<Leaf>();
    return leaves;
  }();
};

class DrState final : public StateStore {
 public:
  absl::Status Open(const std::string& directory) {
    DR_ASSIGN_OR_RETURN(host_, dr::Host::Open({.directory = directory, .components = {&table_},
                                               .checkpoint = {.interval = {}, .log_bytes = 0}},
                                              dr::AdapterRegistry()));
    return host_->Start();
  }
  absl::Status Put(std::uint64_t key, std::string_view value) override {
    return table_.Put(key, value, dr::Durability::kProcess);
  }
  absl::Status PutDurably(std::uint64_t key, std::string_view value) {
    return table_.Put(key, value, dr::Durability::kLocal);
  }
  absl::Status Checkpoint() override {
    return host_->Checkpoint().status();
  }

 private:
  Table table_;
  std::unique_ptr<dr::Host> host_;
};

absl::Status Fill(StateStore& store) {
  const std::string value = Value('a');
  for (std::uint64_t key = 0; key < kKeys; ++key) DR_RETURN_IF_ERROR(store.Put(key, value));
  return absl::OkStatus();
}

// One checkpoint, while a writer puts 2,000 values a second and looks at how long each takes. A writer
// without a pause of its own would measure how the machine shares two cores.
absl::StatusOr<Measurement> WaitDuringCheckpoint(StateStore& store) {
  std::atomic<bool> done = false;
  absl::Status taken, written;
  std::vector<double> waits;
  std::thread writer([&] {
    const std::string value = Value('b');
    for (std::uint64_t i = 0; !done && written.ok(); ++i) {
      const double begin = Seconds();
      written = store.Put(i * 7919 % kKeys, value);
      waits.push_back(Seconds() - begin);
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  taken = store.Checkpoint();
  done = true;
  writer.join();
  DR_RETURN_IF_ERROR(taken);
  DR_RETURN_IF_ERROR(written);
  const auto p99 = waits.begin() + static_cast<std::ptrdiff_t>((waits.size() - 1) * 99 / 100);
  std::nth_element(waits.begin(), p99, waits.end());
  return Measurement{*p99 * 1e6};
}

absl::StatusOr<Field> PreparePause(Place& place) {
  Field field;
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("dr"));
  auto state = std::make_shared<DrState>();
  DR_RETURN_IF_ERROR(state->Open(directory));
  DR_RETURN_IF_ERROR(Fill(*state));
  field.dr = [state] { return WaitDuringCheckpoint(*state); };
  for (const StatePeer& peer : AllPeers().states) {
    DR_ASSIGN_OR_RETURN(std::string peer_directory, place.Fresh("peer"));
    DR_ASSIGN_OR_RETURN(std::shared_ptr<StateStore> store, peer.open(peer_directory));
    DR_RETURN_IF_ERROR(Fill(*store));
    field.peers.push_back({peer.name, [store] { return WaitDuringCheckpoint(*store); }});
  }
  return field;
}

absl::StatusOr<double> DurableRate(DrState& state, double seconds) {
  const std::string value = Value('c');
  std::array<std::uint64_t, kWriters> next = {};
  return Rate(kWriters, seconds, [&](int writer) -> absl::StatusOr<std::uint64_t> {
    const std::uint64_t key = (next[writer]++ * kWriters + writer) * 7919 % kKeys;
    DR_RETURN_IF_ERROR(state.PutDurably(key, value));
    return 1;
  });
}

// The share of its throughput that the log keeps while checkpoints run back to back.
absl::StatusOr<Measurement> KeptThroughput(DrState& state, double seconds) {
  DR_ASSIGN_OR_RETURN(double before, DurableRate(state, seconds));
  std::atomic<bool> done = false;
  absl::Status taken;
  std::thread taker([&] {
    while (!done && taken.ok()) taken = state.Checkpoint();
  });
  absl::StatusOr<double> beside = DurableRate(state, 2 * seconds);
  done = true;
  taker.join();
  DR_RETURN_IF_ERROR(taken);
  DR_RETURN_IF_ERROR(beside.status());
  DR_ASSIGN_OR_RETURN(double after, DurableRate(state, seconds));
  return Measurement{*beside / ((before + after) / 2)};
}

absl::StatusOr<Field> PrepareOverhead(Place& place) {
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("dr"));
  auto state = std::make_shared<DrState>();
  DR_RETURN_IF_ERROR(state->Open(directory));
  DR_RETURN_IF_ERROR(Fill(*state));
  DR_RETURN_IF_ERROR(state->Checkpoint());
  return Field{.dr = [state, seconds = 2 * place.round_seconds()] {
                 return KeptThroughput(*state, seconds);
               },
               .limit = [] { return Measurement{1.0}; }};
}

}  // namespace

std::vector<Row> CheckpointRows() {
  return {{.name = "checkpoint/pause", .unit = "us", .better = Better::kLower,
           .goal = {.value = 500}, .rounds_max = 3, .prepare = PreparePause},
          {.name = "checkpoint/overhead", .unit = "share", .goal = {.limit = 0.95},
           .rounds_max = 3, .prepare = PrepareOverhead}};
}

}  // namespace bench
