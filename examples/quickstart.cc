// A component whose changes are on the disk when the call returns. Run it twice: the second run
// goes on where the first one ended.
//
//   quickstart [DIRECTORY]
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "dr/host.h"
#include "fmt/format.h"

namespace {

class Inventory : public dr::StatefulComponent {
 public:
  Inventory() : StatefulComponent("inventory", {.name = "inventory", .version = 1}) {}

  /// Durable when it returns OK, and visible only then.
  absl::Status Add(const std::string& item, int n) { return Commit(Encode(item, n)).status(); }

  /// Decides on the state that the operation will change: nothing comes in between.
  absl::Status Remove(const std::string& item, int n) {
    return CommitIf([&]() -> absl::StatusOr<std::string> {
             if (Count(item) < n) return absl::FailedPreconditionError("not so many are there");
             return Encode(item, -n);
           })
        .status();
  }

  int Count(const std::string& item) const {
    dr::ReaderLock lock(state_mutex());
    const auto at = items_.find(item);
    return at == items_.end() ? 0 : at->second;
  }

 private:
  static std::string Encode(const std::string& item, int n) {
    return fmt::format("{} {}", item, n);
  }

  // One record, in an operation as in the state.
  absl::Status Take(std::string_view record) {
    std::istringstream in{std::string(record)};
    std::string item;
    int n = 0;
    if (!(in >> item >> n)) return absl::InternalError("not an item and a number");
    items_[item] += n;
    return absl::OkStatus();
  }

  // Live and after a crash the same code: it may look at nothing but the operation and the state.
  absl::Status Apply(const dr::Operation& op) override { return Take(op.payload); }

  absl::Status SaveState(dr::StateWriter& out) const override {
    for (const auto& [item, n] : items_) {
      if (absl::Status s = out.Write(Encode(item, n)); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status LoadState(dr::StateReader& in) override {
    items_.clear();
    while (true) {
      const absl::StatusOr<std::optional<std::string_view>> record = in.Next();
      if (!record.ok()) return record.status();
      if (!record->has_value()) return absl::OkStatus();
      if (absl::Status s = Take(**record); !s.ok()) return s;
    }
  }

  std::map<std::string, int> items_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string directory =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "dr_quickstart").string();
  Inventory inventory;  // outlives the host
  auto host = dr::Host::Open({.directory = directory, .components = {&inventory}}, {});
  if (!host.ok()) return dr::PrintError(host.status());
  const int before = inventory.Count("bolt");
  fmt::print("{} bolts were there\n", before);

  if (absl::Status s = inventory.Add("bolt", 3); !s.ok()) return dr::PrintError(s);
  if (absl::Status s = inventory.Remove("bolt", 1); !s.ok()) return dr::PrintError(s);
  if (inventory.Remove("bolt", 1000).ok()) return 1;

  fmt::print("{} bolts now, and after kill -9 or a power cut too ({})\n", inventory.Count("bolt"),
             directory);
  if (inventory.Count("bolt") != before + 2) return 1;
  return dr::PrintError((*host)->Shutdown());
}
