// store validate: what a store is good for, tried on the store itself.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>

#include "dr/clock.h"
#include "dr/environment/file_system.h"
#include "dr/environment/random.h"
#include "dr/inspect/store_trial.h"
#include "dr/printable.h"
#include "dr/status.h"
#include "dr/testing/adapter_cases.h"
#include "tools/drctl/output.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

volatile sig_atomic_t interrupted = 0;

void HeedInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  for (int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

// Asked as soon as there is something to be deleted again. Until then an interrupt ends the
// program, as the second one does from then on.
bool IsInterrupted() {
  static std::once_flag heeded;
  std::call_once(heeded, HeedInterrupts);
  return interrupted != 0;
}

void ShowProgress(std::size_t done, std::size_t of, std::string_view name) {
  fmt::print(stderr, "\r\x1b[K{:>3}/{} {}", done, of, name);
  std::fflush(stderr);
}

JsonObject JsonCost(const dr::CallCost& cost) {
  return JsonObject().Add("p50", cost.p50_us).Add("p99", cost.p99_us);
}

void PrintJson(const dr::StoreTrial& trial) {
  JsonArray weaknesses, failed;
  for (const std::string& weakness : trial.can.weaknesses) weaknesses.Add(weakness);
  for (const dr::CaseFailure& failure : trial.failed) {
    failed.Add(
        JsonObject().Add("case", failure.name).Add("message", dr::AsStd(failure.why.message())));
  }
  JsonObject json;
  json.Add("ok", trial.verdict.ok())
      .Add("uri", trial.uri)
      .Add("prefix", trial.prefix)
      .Add("durable", trial.can.durable)
      .Add("fence_safe", trial.can.fence_safe)
      .Add("weaknesses", weaknesses)
      .Add("if_absent", trial.can.if_absent)
      .Add("if_version", trial.can.if_version)
      .Add("atomic_batch", trial.can.atomic_batch)
      .Add("ttl", trial.can.ttl)
      .Add("max_value_bytes", trial.can.max_value_bytes)
      .Add("max_key_bytes", trial.can.max_key_bytes);
  if (trial.free_bytes) json.Add("free_bytes", *trial.free_bytes);
  json.Add("put_us", JsonCost(trial.put))
      .Add("get_us", JsonCost(trial.get))
      .Add("passed", trial.passed)
      .Add("not_applicable", trial.not_applicable)
      .Add("failed", failed)
      .Add("left_behind", trial.left_behind);
  if (!trial.verdict.ok()) json.Add("error", JsonError(trial.verdict));
  fmt::print("{}\n", json.text());
}

std::string YesOrNo(bool yes) { return yes ? Good("yes") : Bad("no"); }

void PrintText(const dr::StoreTrial& trial) {
  const dr::Capabilities& can = trial.can;
  fmt::print("store: {}\n", trial.uri);
  for (const dr::CaseFailure& failure : trial.failed) {
    fmt::print("{} {}\n  {}\n", Bad("failed:"), failure.name,
               dr::Printable(dr::AsStd(failure.why.message())));
  }
  fmt::print("cases: {} passed, {} failed, {} about what it does not declare\n", trial.passed,
             trial.failed.size(), trial.not_applicable);
  fmt::print("durable: {}\nfence-safe: {}\n", YesOrNo(can.durable), YesOrNo(can.fence_safe));
  for (const std::string& weakness : trial.can.weaknesses)
    fmt::print("  {}\n", dr::Printable(weakness));
  if (trial.can.weaknesses.empty() && !(can.durable && can.fence_safe)) {
    fmt::print("  the adapter does not say why; see its README\n");
  }
  fmt::print("conditions: if absent {}, if version {}; atomic batches {}, ttl {}\n",
             YesOrNo(can.if_absent), YesOrNo(can.if_version), YesOrNo(can.atomic_batch),
             YesOrNo(can.ttl));
  fmt::print("longest value: {} bytes, longest key: {} bytes", can.max_value_bytes,
             can.max_key_bytes);
  if (trial.free_bytes) fmt::print(", free: {} bytes", *trial.free_bytes);
  fmt::print("\n1 KiB: put {:.0f} us, p99 {:.0f}; get {:.0f} us, p99 {:.0f}\n", trial.put.p50_us,
             trial.put.p99_us, trial.get.p50_us, trial.get.p99_us);
  fmt::print("what was written beneath {} is deleted again{}\n", dr::Printable(trial.prefix),
             trial.left_behind == 0 ? "" : fmt::format(", but for {} keys", trial.left_behind));
}

}  // namespace

absl::Status StoreValidate(Format format, const StoreArguments& arguments) {
  dr::PosixFileSystem files;
  const dr::SystemClock clock;
  dr::SystemRandom random;
  const bool terminal = isatty(STDERR_FILENO) == 1;
  dr::TrialOptions options{.uri = arguments.uri,
                           .prefix = arguments.prefix,
                           .cases = arguments.quick ? dr::QuickAdapterCases() : dr::AdapterCases(),
                           .measured_calls = arguments.quick ? 50u : 200u,
                           .is_stopped = IsInterrupted};
  if (terminal) options.progress = ShowProgress;
  const dr::StoreTrial trial =
      dr::TryStore(dr::LinkedAdapters(), {&files, &clock, &random}, options);
  if (terminal) fmt::print(stderr, "\r\x1b[K");
  if (format == Format::kJson) {
    PrintJson(trial);
  } else if (trial.tried()) {
    PrintText(trial);
  }
  return trial.verdict;
}

}  // namespace drctl
