// store validate: what a store is good for, tried on the store itself.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "dr/adapter/adapter_registry.h"
#include "dr/environment/uri.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/printable.h"
#include "tools/drctl/store_trial.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

constexpr std::size_t kPrefixMax = 32;

volatile sig_atomic_t interrupted = 0;

// So that what was written is deleted again; the second one ends the program.
void HeedInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  for (int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

void ShowProgress(std::size_t done, std::size_t of, std::string_view name) {
  fmt::print(stderr, "\r\x1b[K{:>3}/{} {}", done, of, name);
  std::fflush(stderr);
}

struct Findings {
  std::string uri = {};  ///< redacted
  std::string prefix = {};
  dr::Capabilities can = {};
  std::optional<std::uint64_t> free_bytes = {};
  StoreTrial trial = {};
  std::size_t left_behind = 0;  ///< keys that could not be deleted again
};

// Of a store that is a place on this machine.
std::optional<std::uint64_t> FreeBytes(Machine& machine, const dr::Uri& uri) {
  if (!uri.host.empty()) return std::nullopt;
  auto directory = machine.files.OpenDirectory(uri.path, dr::Create::kNever);
  if (!directory.ok()) return std::nullopt;
  const auto volume = (*directory)->Volume();
  if (!volume.ok()) return std::nullopt;
  return volume->free_bytes;
}

absl::StatusOr<std::string> FreshPrefix(Machine& machine, const std::string& wanted) {
  if (wanted.empty() || wanted.size() > kPrefixMax) {
    return dr::MakeFault({.kind = dr::FaultKind::kInvalid, .next = "choose another"},
                         fmt::format("a prefix has 1 to {} bytes", kPrefixMax));
  }
  DR_ASSIGN_OR_RETURN(std::uint64_t number, machine.random.Next());
  return fmt::format("{}{:016x}/", wanted, number);
}

// One registry, since some stores are open once in a process.
absl::Status Examine(Machine& machine, const dr::AdapterRegistry& adapters,
                     const StoreArguments& arguments, Findings& found) {
  const dr::AdapterEnvironment environment{&machine.files, &machine.clock, &machine.random};
  DR_ASSIGN_OR_RETURN(found.prefix, FreshPrefix(machine, arguments.prefix));
  DR_ASSIGN_OR_RETURN(dr::Uri uri, dr::ParseUri(arguments.uri, environment.variables));
  Footprint footprint;
  const auto open = [&]() -> absl::StatusOr<std::unique_ptr<TrackedStore>> {
    DR_ASSIGN_OR_RETURN(auto opened, adapters.Open(arguments.uri, environment));
    return std::make_unique<TrackedStore>(std::move(opened), footprint);
  };
  DR_ASSIGN_OR_RETURN(std::unique_ptr<TrackedStore> store, open());
  found.uri = uri.Redacted();  // only now is it known what each parameter is
  found.can = store->capabilities();
  found.free_bytes = FreeBytes(machine, uri);
  TrialOptions options{.prefix = found.prefix, .quick = arguments.quick, .is_stopped = [] {
                         return interrupted != 0;
                       }};
  const bool terminal = isatty(STDERR_FILENO) == 1;
  if (terminal) options.progress = ShowProgress;
  HeedInterrupts();
  found.trial = TryStore(*store, open, machine.clock, options);
  found.left_behind = footprint.size();
  if (!found.trial.failed.empty()) {  // what it declares is not to be relied on
    found.can.fence_safe = false;
    found.can.weaknesses.emplace_back("cases failed");
  }
  if (terminal) fmt::print(stderr, "\r\x1b[K");
  return found.trial.ended;
}

absl::Status Verdict(const Findings& found, const absl::Status& ended) {
  if (found.left_behind > 0) {
    return dr::MakeFault({.kind = dr::FaultKind::kIo,
                          .place = found.uri,
                          .next = fmt::format("delete what begins with {} there", found.prefix)},
                         fmt::format("{} keys could not be deleted again", found.left_behind));
  }
  DR_RETURN_IF_ERROR(ended);
  if (found.trial.failed.empty()) return absl::OkStatus();
  const std::size_t failed = found.trial.failed.size();
  return dr::MakeFault(
      {.kind = dr::FaultKind::kUnsupported, .place = found.uri, .next = "keep no state there"},
      fmt::format("{} of {} cases failed", failed, failed + found.trial.passed));
}

JsonObject JsonCost(const CallCost& cost) {
  return JsonObject().Add("p50", cost.p50_us).Add("p99", cost.p99_us);
}

void PrintJson(const Findings& found, const absl::Status& verdict) {
  const StoreTrial& trial = found.trial;
  JsonArray weaknesses, failed;
  for (const std::string& weakness : found.can.weaknesses) weaknesses.Add(weakness);
  for (const CaseFailure& failure : trial.failed) {
    failed.Add(
        JsonObject().Add("case", failure.name).Add("message", dr::AsStd(failure.why.message())));
  }
  JsonObject json;
  json.Add("ok", verdict.ok())
      .Add("uri", found.uri)
      .Add("prefix", found.prefix)
      .Add("durable", found.can.durable)
      .Add("fence_safe", found.can.fence_safe)
      .Add("weaknesses", weaknesses)
      .Add("if_absent", found.can.if_absent)
      .Add("if_version", found.can.if_version)
      .Add("atomic_batch", found.can.atomic_batch)
      .Add("ttl", found.can.ttl)
      .Add("max_value_bytes", found.can.max_value_bytes)
      .Add("max_key_bytes", found.can.max_key_bytes);
  if (found.free_bytes) json.Add("free_bytes", *found.free_bytes);
  json.Add("put_us", JsonCost(trial.put))
      .Add("get_us", JsonCost(trial.get))
      .Add("passed", trial.passed)
      .Add("not_applicable", trial.not_applicable)
      .Add("failed", failed)
      .Add("left_behind", found.left_behind);
  if (!verdict.ok()) json.Add("error", JsonError(verdict));
  fmt::print("{}\n", json.text());
}

std::string YesOrNo(bool yes) { return yes ? Good("yes") : Bad("no"); }

void PrintText(const Findings& found) {
  const StoreTrial& trial = found.trial;
  const dr::Capabilities& can = found.can;
  fmt::print("store: {}\n", found.uri);
  for (const CaseFailure& failure : trial.failed) {
    fmt::print("{} {}\n  {}\n", Bad("failed:"), failure.name,
               dr::Printable(dr::AsStd(failure.why.message())));
  }
  fmt::print("cases: {} passed, {} failed, {} about what it does not declare\n", trial.passed,
             trial.failed.size(), trial.not_applicable);
  fmt::print("durable: {}\nfence-safe: {}\n", YesOrNo(can.durable), YesOrNo(can.fence_safe));
  for (const std::string& weakness : found.can.weaknesses)
    fmt::print("  {}\n", dr::Printable(weakness));
  if (found.can.weaknesses.empty() && !(can.durable && can.fence_safe)) {
    fmt::print("  the adapter does not say why; see its README\n");
  }
  fmt::print("conditions: if absent {}, if version {}; atomic batches {}, ttl {}\n",
             YesOrNo(can.if_absent), YesOrNo(can.if_version), YesOrNo(can.atomic_batch),
             YesOrNo(can.ttl));
  fmt::print("longest value: {} bytes, longest key: {} bytes", can.max_value_bytes,
             can.max_key_bytes);
  if (found.free_bytes) fmt::print(", free: {} bytes", *found.free_bytes);
  fmt::print("\n1 KiB: put {:.0f} us, p99 {:.0f}; get {:.0f} us, p99 {:.0f}\n", trial.put.p50_us,
             trial.put.p99_us, trial.get.p50_us, trial.get.p99_us);
  fmt::print("what was written beneath {} is deleted again{}\n", dr::Printable(found.prefix),
             found.left_behind == 0 ? "" : fmt::format(", but for {} keys", found.left_behind));
}

}  // namespace

absl::Status StoreValidate(Machine& machine, const StoreArguments& arguments) {
  const dr::AdapterRegistry adapters = dr::LinkedAdapters();
  Findings found;
  const absl::Status ended = Examine(machine, adapters, arguments, found);
  const absl::Status verdict = Verdict(found, ended);
  const bool tried = found.trial.passed + found.trial.failed.size() > 0;
  if (arguments.json) {
    PrintJson(found, verdict);
  } else if (tried) {
    PrintText(found);
  }
  return verdict;
}

}  // namespace drctl
