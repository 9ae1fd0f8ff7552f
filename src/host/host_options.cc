#include "src/host/host_options.h"

#include <bit>
#include <string_view>

#include "dr/status.h"
#include "fmt/chrono.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

template <typename Value>
absl::Status Check(bool good, std::string_view option, const Value& value,
                   std::string_view allowed) {
  if (good) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kInvalid, .next = fmt::format("give {}", allowed)},
                   fmt::format("HostOptions::{} is {}", option, value));
}

}  // namespace

absl::Status CheckOptions(const HostOptions& options) {
  if (options.directory.empty()) {
    return MakeFault({.kind = FaultKind::kInvalid, .next = "set HostOptions::directory"},
                     "a host needs a directory");
  }
  if (!options.repository.empty() || options.keys != nullptr) {
    return MakeFault({.kind = FaultKind::kUnsupported, .next = "leave repository and keys empty"},
                     "this version keeps state in a directory only: a repository beside it, and "
                     "keys, are not offered yet");
  }
  if (options.durability == Durability::kRemote) {
    return MakeFault({.kind = FaultKind::kUsage, .next = "use kLocal"},
                     "kRemote needs a repository");
  }
  const std::uint32_t ring = options.log.ring_capacity;
  DR_RETURN_IF_ERROR(Check(ring >= 2 && std::has_single_bit(ring), "log.ring_capacity", ring,
                           "a power of two from 2 on"));
  DR_RETURN_IF_ERROR(Check(options.callback_deadline >= std::chrono::milliseconds(1),
                           "callback_deadline", options.callback_deadline, "at least 1 ms"));
  const CheckpointPolicy& policy = options.checkpoint;
  DR_RETURN_IF_ERROR(Check(policy.interval.count() >= 0, "checkpoint.interval", policy.interval,
                           "0 for none, or more"));
  DR_RETURN_IF_ERROR(Check(policy.ttl.count() == 0, "checkpoint.ttl", policy.ttl,
                           "0, since a directory keeps what is in it"));
  DR_RETURN_IF_ERROR(Check(policy.keep >= 1, "checkpoint.keep", policy.keep, "at least 1"));
  return Check(policy.disk_share >= 0.01 && policy.disk_share <= 1, "checkpoint.disk_share",
               policy.disk_share, "0.01 to 1");
}

}  // namespace dr::inline v0
