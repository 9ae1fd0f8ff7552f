// A program that links one adapter: adds three bolts to an inventory in a RocksDB database.
#include <cstdio>
#include <string>

#include "dr/adapters/rocksdb.h"
#include "dr/host.h"

class Bolts : public dr::StatefulComponent {
 public:
  Bolts() : StatefulComponent("bolts", {.name = "bolts", .version = 1}) {}
  absl::Status Add(int n) { return Commit(std::to_string(n)).status(); }
  int count() const {
    dr::ReaderLock lock(state_mutex());
    return count_;
  }

 private:
  absl::Status Apply(const dr::Operation& op) override {
    count_ += std::stoi(std::string(op.payload));
    return absl::OkStatus();
  }
  absl::Status SaveState(dr::StateWriter& out) const override {
    return out.Write(std::to_string(count_));
  }
  absl::Status LoadState(dr::StateReader& in) override {
    count_ = 0;
    const auto record = in.Next();
    if (record.ok() && record->has_value()) count_ = std::stoi(std::string(**record));
    return record.status();
  }

  int count_ = 0;
};

int main(int, char** argv) {
  dr::AdapterRegistry adapters;
  if (absl::Status s = dr::RegisterRocksdb(adapters); !s.ok()) return dr::PrintError(s);
  Bolts bolts;
  auto host = dr::Host::Open({.repository = "rocksdb://" + std::string(argv[1]),
                              .components = {&bolts},
                              .durability = dr::Durability::kProcess},
                             adapters);
  if (!host.ok()) return dr::PrintError(host.status());
  if (absl::Status s = bolts.Add(3); !s.ok()) return dr::PrintError(s);
  std::printf("bolts: %d\n", bolts.count());
  return dr::PrintError((*host)->Shutdown());
}
