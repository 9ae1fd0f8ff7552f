#include "src/host/host_options.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <string_view>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/chrono.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

template <typename Value>
absl::Status Check(bool good, std::string_view option, const Value& value,
                   std::string_view allowed) {
  if (good) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kInvalid, .next = fmt::format("give {}", allowed)},
                   fmt::format("HostOptions::{} is {}", option, value));
}

absl::Status CheckDirectory(const HostOptions& options) {
  if (options.durability == Durability::kRemote) {
    return MakeFault({.kind = FaultKind::kUsage, .next = "use kLocal"},
                     "kRemote needs a repository beside the directory");
  }
  if (options.store != LayerOptions()) {
    return MakeFault({.kind = FaultKind::kInvalid, .next = "leave it out, or give a repository"},
                     "HostOptions::store is for a repository, and there is none");
  }
  const std::chrono::nanoseconds ttl = options.checkpoint.ttl;
  return Check(ttl.count() == 0, "checkpoint.ttl", ttl, "0, since a directory keeps what is in it");
}

// A life between two checkpoints is the least that an expiry may leave.
absl::Status CheckTtl(const CheckpointPolicy& policy) {
  const std::uint32_t intervals = std::max<std::uint32_t>(policy.keep, 2);
  if (policy.interval.count() > 0 && policy.ttl / intervals >= policy.interval) {
    return absl::OkStatus();
  }
  return MakeFault(
      {.kind = FaultKind::kInvalid,
       .next = "let it live longer, or for ever (0), or take checkpoints more often"},
      fmt::format("HostOptions::checkpoint.ttl is {}, shorter than the recovery window of {} "
                  "checkpoints every {} (checkpoint.interval)",
                  policy.ttl, intervals, policy.interval));
}

absl::Status CheckWithoutDirectory(const HostOptions& options) {
  if (options.durability != Durability::kProcess) {
    return MakeFault(
        {.kind = FaultKind::kUsage,
         .next = "set HostOptions::durability to kProcess, or give a directory"},
        "without a directory nothing of what is committed between two checkpoints survives");
  }
  const CheckpointPolicy& policy = options.checkpoint;
  DR_RETURN_IF_ERROR(Check(policy.digest_every == 0, "checkpoint.digest_every", policy.digest_every,
                           "0, since there is no log to note it in"));
  return policy.ttl.count() == 0 ? absl::OkStatus() : CheckTtl(policy);
}

}  // namespace

absl::Status CheckOptions(const HostOptions& options) {
  if (options.directory.empty() && options.repository.empty()) {
    return MakeFault(
        {.kind = FaultKind::kInvalid, .next = "set HostOptions::directory, or repository instead"},
        "a host needs a place for its state");
  }
  if (options.keys != nullptr) {
    return MakeFault({.kind = FaultKind::kUnsupported, .next = "leave keys empty"},
                     "this version does not encrypt yet");
  }
  if (!options.directory.empty() && !options.repository.empty()) {
    return MakeFault({.kind = FaultKind::kUnsupported, .next = "give one of them"},
                     "a repository beside a directory is not offered yet");
  }
  const std::uint32_t ring = options.log.ring_capacity;
  DR_RETURN_IF_ERROR(Check(ring >= 2 && std::has_single_bit(ring), "log.ring_capacity", ring,
                           "a power of two from 2 on"));
  DR_RETURN_IF_ERROR(Check(options.callback_deadline >= std::chrono::milliseconds(1),
                           "callback_deadline", options.callback_deadline, "at least 1 ms"));
  const CheckpointPolicy& policy = options.checkpoint;
  DR_RETURN_IF_ERROR(Check(policy.interval.count() >= 0, "checkpoint.interval", policy.interval,
                           "0 for none, or more"));
  DR_RETURN_IF_ERROR(Check(policy.keep >= 1, "checkpoint.keep", policy.keep, "at least 1"));
  DR_RETURN_IF_ERROR(Check(policy.disk_share >= 0.01 && policy.disk_share <= 1,
                           "checkpoint.disk_share", policy.disk_share, "0.01 to 1"));
  return options.directory.empty() ? CheckWithoutDirectory(options) : CheckDirectory(options);
}

}  // namespace dr::inline v0
