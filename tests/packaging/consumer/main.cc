// Adds three bolts to an inventory that survives this program, and prints how many there are.
#include <charconv>
#include <cstdio>
#include <map>
#include <string>

#include "dr/host.h"

class Inventory : public dr::StatefulComponent {
 public:
  Inventory() : StatefulComponent("inventory", {.name = "inventory", .version = 1}) {}
  absl::Status Add(std::string_view item, int n) { return Commit(Encode(item, n)).status(); }
  int Count(const std::string& item) const {
    dr::ReaderLock lock(state_mutex());
    return items_.contains(item) ? items_.at(item) : 0;
  }

 private:
  static std::string Encode(std::string_view item, int n) {
    return std::to_string(n) + " " + std::string(item);
  }
  void AddRecord(std::string_view record) {
    int n = 0;
    const char* end = std::from_chars(record.begin(), record.end(), n).ptr;
    items_[std::string(end + 1, record.end())] += n;
  }

  absl::Status Apply(const dr::Operation& op) override {
    AddRecord(op.payload);
    return absl::OkStatus();
  }
  absl::Status SaveState(dr::StateWriter& out) const override {
    for (const auto& [item, n] : items_) {
      if (absl::Status s = out.Write(Encode(item, n)); !s.ok()) return s;
    }
    return absl::OkStatus();
  }
  absl::Status LoadState(dr::StateReader& in) override {
    items_.clear();
    for (;;) {
      auto record = in.Next();
      if (!record.ok() || !*record) return record.status();
      AddRecord(**record);
    }
  }

  std::map<std::string, int> items_;
};

int main(int, char** argv) {
  Inventory inventory;
  auto host =
      dr::Host::Open({.directory = argv[1], .components = {&inventory}}, dr::LinkedAdapters());
  if (!host.ok()) return dr::PrintError(host.status());
  if (absl::Status s = inventory.Add("bolt", 3); !s.ok()) return dr::PrintError(s);
  std::printf("bolts: %d\n", inventory.Count("bolt"));
}
