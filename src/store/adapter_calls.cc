#include "dr/adapter/adapter_calls.h"

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

absl::Status Undeclared(std::string_view key, std::string_view option) {
  return MakeFault({.kind = FaultKind::kUnsupported,
                    .place = std::string(key),
                    .next = "leave it out, or use a store that declares it"},
                   fmt::format("this store does not offer {}", option));
}

}  // namespace

absl::Status CheckPut(const Capabilities& can, std::string_view key, std::string_view value,
                      const PutOptions& options, const Context& context, const Clock& clock) {
  DR_RETURN_IF_ERROR(CheckKey(key, can.max_key_bytes));
  if (options.ttl && !can.ttl) return Undeclared(key, "values that expire (ttl)");
  if (options.ttl && *options.ttl <= absl::ZeroDuration()) {
    return MakeFault({.kind = FaultKind::kInvalid,
                      .place = std::string(key),
                      .next = "give more than 0, or none"},
                     "a ttl of nothing");
  }
  if (options.condition == PutCondition::kIfAbsent && !can.if_absent) {
    return Undeclared(key, "conditional creation (if_absent)");
  }
  if (options.condition == PutCondition::kIfVersion && !can.if_version) {
    return Undeclared(key, "conditional replacement (if_version)");
  }
  if (value.size() > can.max_value_bytes) {
    return MakeFault(
        {.kind = FaultKind::kLimit, .place = std::string(key), .next = "split it"},
        fmt::format("a value has {} bytes, {} are allowed", value.size(), can.max_value_bytes));
  }
  return CheckContext(context, clock, "Put");
}

absl::Status CheckGet(const Capabilities& can, std::string_view key, const Context& context,
                      const Clock& clock) {
  DR_RETURN_IF_ERROR(CheckKey(key, can.max_key_bytes));
  return CheckContext(context, clock, "Get");
}

absl::Status CheckDelete(const Capabilities& can, std::string_view key,
                         const DeleteOptions& options, const Context& context, const Clock& clock) {
  DR_RETURN_IF_ERROR(CheckKey(key, can.max_key_bytes));
  if (options.if_version && !can.if_version) {
    return Undeclared(key, "conditional deletion (if_version)");
  }
  return CheckContext(context, clock, "Delete");
}

std::vector<std::string> WeaknessesOf(const VolumeInfo& volume) {
  std::vector<std::string> weaknesses;
  if (!volume.survives_power_loss) {
    weaknesses.push_back(fmt::format("{} does not survive a power cut", volume.type));
  }
  if (volume.is_network) {
    weaknesses.push_back(
        fmt::format("{} is a network file system: its server decides what a sync and a lock mean",
                    volume.type));
  }
  return weaknesses;
}

std::string EndOfPrefix(std::string_view prefix) {
  std::string end(prefix.substr(0, prefix.find_last_not_of('\xff') + 1));
  if (!end.empty()) ++end.back();
  return end;
}

absl::Status NoValue(std::string_view key) {
  return MakeFault({.kind = FaultKind::kMissing, .place = std::string(key), .next = "put it first"},
                   "there is no value under this key");
}

absl::Status ValueExists(std::string_view key) {
  return MakeFault(
      {.kind = FaultKind::kExists, .place = std::string(key), .next = "read what is there"},
      "there is a value under this key");
}

absl::Status ValueChanged(std::string_view key) {
  return MakeFault({.kind = FaultKind::kConflict,
                    .place = std::string(key),
                    .next = "read it again and decide anew"},
                   "the value has changed since it was read");
}

absl::Status MayHaveHappened(std::string_view key, const absl::Status& why) {
  return MakeFault({.kind = FaultKind::kAmbiguous,
                    .place = std::string(key),
                    .next = "read it back before doing it again"},
                   fmt::format("it may have happened: {}", AsStd(why.message())));
}

}  // namespace dr::inline v0
