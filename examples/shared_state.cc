// State in a store and nothing on this machine, for runtimes that are restarted elsewhere and may
// lose what happened since the last checkpoint. Run it twice: the count goes on.
//
//   shared_state [URI or directory]      redis://host:6379/0, postgres://…, s3://…, rocksdb:///…
#include <filesystem>
#include <optional>
#include <string>

#include "dr/host.h"
#include "dr/stored_state.h"
#include "fmt/format.h"

namespace {

class Visits : public dr::StatefulComponent {
 public:
  Visits() : StatefulComponent("visits", {.name = "visits", .version = 1}) {}

  absl::Status Add() { return Commit("1").status(); }  // in memory when it returns
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
    while (true) {
      const absl::StatusOr<std::optional<std::string_view>> record = in.Next();
      if (!record.ok() || !record->has_value()) return record.status();
      count_ = std::stoi(std::string(**record));
    }
  }

  int count_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::string uri =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "dr_shared_state").string();
  if (uri.starts_with('/')) uri.insert(0, "file://");
  Visits visits;  // outlives the host
  auto host =
      dr::Host::Open({.repository = uri,
                      .components = {&visits},
                      .durability = dr::Durability::kProcess,  // nothing in between survives
                      .checkpoint = {.interval = std::chrono::seconds(60)}},
                     dr::LinkedAdapters());  // whoever had it before has it no longer
  if (!host.ok()) return dr::PrintError(host.status());
  if (absl::Status s = (*host)->Start(); !s.ok()) return dr::PrintError(s);  // saves every minute
  const int before = visits.count();

  if (absl::Status s = visits.Add(); !s.ok()) return dr::PrintError(s);
  dr::StoredState& state = *dr::StateOf(**host);
  if (auto saved = state.SaveState("visits"); !saved.ok()) return dr::PrintError(saved.status());
  if (absl::Status s = visits.Add(); !s.ok()) return dr::PrintError(s);
  const absl::StatusOr<dr::StateOutcome> loaded = state.LoadState("visits");  // the second is gone
  if (!loaded.ok()) return dr::PrintError(loaded.status());

  fmt::print("{} visits were there, {} are now ({})\n", before, visits.count(),
             dr::NameOf(*loaded));
  if (visits.count() != before + 1) return 1;
  return dr::PrintError((*host)->Shutdown());  // saves what has changed
}
