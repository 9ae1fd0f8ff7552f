// A component of Protobuf messages whose schema changes: what version 1 wrote, in a checkpoint and
// in the log, is read by version 2.
//
//   typed_upgrade [DIRECTORY]
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "dr/host.h"
#include "dr/proto_component.h"
#include "fmt/format.h"

namespace {

using google::protobuf::Duration;
using google::protobuf::Int64Value;

// Last year's program: whole seconds.
class TimeSpentV1 : public dr::ProtoComponent<Int64Value, Int64Value> {
 public:
  TimeSpentV1() : ProtoComponent("time_spent", {.name = "time_spent", .version = 1}) {}

  absl::Status Add(std::int64_t seconds) {
    Int64Value op;
    op.set_value(seconds);
    return Commit(op).status();
  }

 private:
  absl::Status ApplyTo(Int64Value& total, const Int64Value& op, const dr::Operation&) override {
    total.set_value(total.value() + op.value());
    return absl::OkStatus();
  }
};

// Today's: with nanoseconds. It knows the way from version 1 to 2 and nothing else of the past.
class TimeSpent : public dr::ProtoComponent<Duration, Duration> {
 public:
  TimeSpent() : ProtoComponent("time_spent", {.name = "time_spent", .version = 2}) {}

  absl::Status Add(std::int64_t seconds, std::int32_t nanos) {
    Duration op;
    op.set_seconds(seconds);
    op.set_nanos(nanos);
    return Commit(op).status();
  }
  double seconds() const {
    dr::ReaderLock lock(state_mutex());
    return static_cast<double>(state().seconds()) + state().nanos() / 1e9;
  }

 private:
  absl::Status ApplyTo(Duration& total, const Duration& op, const dr::Operation&) override {
    const std::int64_t nanos = std::int64_t{total.nanos()} + op.nanos();
    total.set_seconds(total.seconds() + op.seconds() + nanos / 1'000'000'000);
    total.set_nanos(static_cast<std::int32_t>(nanos % 1'000'000'000));
    return absl::OkStatus();
  }

  static absl::StatusOr<std::string> FromV1(std::string_view bytes) {
    Int64Value old;
    if (!old.ParseFromString(std::string(bytes))) return absl::InternalError("not version 1");
    Duration today;
    today.set_seconds(old.value());
    return dr::SerializeDeterministically(today);
  }
  absl::Status RegisterUpgrades(dr::SchemaUpgrades& registry) const override {
    absl::Status state = registry.AddStateUpgrade(
        "time_spent", 1, [](std::string_view record, dr::StateWriter& out) {
          const absl::StatusOr<std::string> today = FromV1(record);
          return today.ok() ? out.Write(*today) : today.status();
        });
    return state.ok() ? registry.AddOperationUpgrade("time_spent", 1, FromV1) : state;
  }
};

// 100 s in a checkpoint and 20 s behind it. The host is not shut down: as if killed.
absl::Status RunVersion1(const std::string& directory) {
  TimeSpentV1 time;
  auto host = dr::Host::Open({.directory = directory, .components = {&time}}, {});
  if (!host.ok()) return host.status();
  if (absl::Status s = time.Add(100); !s.ok()) return s;
  if (absl::Status s = (*host)->Checkpoint().status(); !s.ok()) return s;
  return time.Add(20);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "dr_typed_upgrade").string();
  const absl::Status version1 = RunVersion1(directory);
  if (absl::IsUnimplemented(version1)) {
    fmt::print("version 1 refuses what version 2 has written: {}\n", dr::AsStd(version1.message()));
  } else if (!version1.ok()) {
    return dr::PrintError(version1);
  }

  TimeSpent time;
  auto host = dr::Host::Open({.directory = directory, .components = {&time}}, {});
  if (!host.ok()) return dr::PrintError(host.status());
  const double before = time.seconds();
  fmt::print("version 2 finds {} s\n", before);
  if (before < 120) return 1;
  if (absl::Status s = time.Add(1, 500'000'000); !s.ok()) return dr::PrintError(s);
  fmt::print("and adds 1.5 s: {} s\n", time.seconds());
  if (time.seconds() != before + 1.5) return 1;
  return dr::PrintError((*host)->Shutdown());
}
