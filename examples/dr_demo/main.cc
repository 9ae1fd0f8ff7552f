// An agent runtime with a memory, killed again and again. Where to look:
//
//   agent, graph_memory, task_queue, journal   the state, its host, and its three components
//   wordnet, plan                              what there is to learn, and in which order
//   worker, reports                            agents that commit it, and what they report
//   supervisor, child, expectation             the parent that kills and compares
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "dr/mutex.h"
#include "dr/signal.h"
#include "dr/status.h"
#include "dr/version.h"
#include "examples/dr_demo/agent.h"
#include "examples/dr_demo/child.h"
#include "examples/dr_demo/expectation.h"
#include "examples/dr_demo/figures.h"
#include "examples/dr_demo/options.h"
#include "examples/dr_demo/plan.h"
#include "examples/dr_demo/reports.h"
#include "examples/dr_demo/supervisor.h"
#include "examples/dr_demo/wordnet.h"
#include "examples/dr_demo/worker.h"
#include "fmt/format.h"

namespace demo {
namespace {

// Passes on how long each checkpoint made writers wait.
class Pauses : public dr::Observer {
 public:
  explicit Pauses(std::function<void(double)> on_pause) : on_pause_(std::move(on_pause)) {}
  void OnEvent(const dr::Event& event) noexcept override {
    if (event.kind != dr::EventKind::kCheckpoint) return;
    on_pause_(std::chrono::duration<double, std::micro>(event.duration).count());
  }

 private:
  const std::function<void(double)> on_pause_;
};

// The process that the supervisor kills. It recovers before it looks at anything else.
absl::Status RunWorker(const Options& options) {
  DieWithParent();
  Pauses pauses([](double us) { Send(kReportPipe, Paused{.microseconds = us}); });
  absl::StatusOr<std::unique_ptr<Agent>> agent = Agent::Open(options.directory, &pauses);
  if (!agent.ok()) return agent.status();
  const absl::StatusOr<Inspection> found = (*agent)->Inspect();
  if (!found.ok()) return found.status();
  Send(kReportPipe, Ready{.found = *found, .recover_ms = (*agent)->recover_ms()});

  const absl::StatusOr<std::vector<Synset>> synsets = LoadWordNet(options.wordnet);
  if (!synsets.ok()) return synsets.status();
  if (absl::Status s = (*agent)->host().Start(); !s.ok()) return s;
  const absl::Status worked = Work(
      **agent, Plan(*synsets, options.seed), found->Total(), *options.operations, options.threads,
      {}, [](std::uint32_t agent, std::uint64_t position, std::uint64_t chain) {
        Send(kReportPipe, Acknowledged{.agent = agent, .position = position, .chain = chain});
      });
  if (!worked.ok()) return worked;
  if (absl::Status s = (*agent)->host().Shutdown(); !s.ok()) return s;
  Send(kReportPipe, Finished{});
  return absl::OkStatus();
}

// Works in this process, which anybody may kill. SIGTERM and SIGINT end it in order.
absl::StatusOr<Figures> RunAlone(const Options& options, const std::string& directory,
                                 const Plan& plan, std::uint64_t operations) {
  const absl::StatusOr<dr::ShutdownSignals> signals = dr::ShutdownSignals::Block();
  if (!signals.ok()) return signals.status();
  Figures figures;
  Pauses pauses([&](double us) { figures.pause_us.push_back(us); });  // one checkpoint at a time
  absl::StatusOr<std::unique_ptr<Agent>> agent = Agent::Open(directory, &pauses);
  if (!agent.ok()) return agent.status();
  const absl::StatusOr<Inspection> before = (*agent)->Inspect();
  if (!before.ok()) return before.status();
  Expectation expectation(plan);
  if (absl::Status s = expectation.Adopt(*before); !s.ok()) return s;
  figures.acknowledged = Sum(before->Total());
  figures.recover_ms = {(*agent)->recover_ms()};
  if (!options.json) {
    fmt::print("{} operations were there, recovered in {:.1f} ms\n\n", figures.acknowledged,
               (*agent)->recover_ms());
  }

  if (absl::Status s = (*agent)->host().Start(); !s.ok()) return s;
  std::stop_source stop;
  const std::jthread watcher([&](std::stop_token done) {
    while (!done.stop_requested()) {
      if (signals->WaitFor(std::chrono::milliseconds(20))) stop.request_stop();
    }
  });
  Progress progress(operations);
  dr::Mutex mutex;
  const absl::Status worked =
      Work(**agent, plan, before->Total(), operations, options.threads, stop.get_token(),
           [&](std::uint32_t agent, std::uint64_t position, std::uint64_t chain) {
             dr::MutexLock lock(mutex);
             figures.acknowledged += position - expectation.positions()[agent];
             if (expectation.Advance(agent, position) != chain) ++figures.lost;
             progress.Show(figures.acknowledged, "");
           });
  if (!worked.ok()) return worked;
  const absl::StatusOr<Inspection> after = (*agent)->Inspect();
  if (!after.ok()) return after.status();
  figures.operations = Sum(after->Total());
  if (const auto difference = expectation.Differs(*after)) {
    fmt::print(stderr, "dr_demo: {}\n", *difference);
    ++figures.lost;
  }
  progress.Clear();
  if (!options.json) fmt::print("{}", (*agent)->Describe());
  if (absl::Status s = (*agent)->host().Shutdown(); !s.ok()) return s;
  return figures;
}

absl::Status PrintDigest(const Options& options) {
  std::error_code error;
  if (!std::filesystem::is_directory(options.directory, error) ||
      std::filesystem::is_empty(options.directory, error)) {
    return dr::MakeFault({.kind = dr::FaultKind::kMissing,
                          .place = options.directory,
                          .next = "name the directory of an earlier run"},
                         "there is nothing to recover");
  }
  absl::StatusOr<std::unique_ptr<Agent>> agent = Agent::Open(options.directory);
  if (!agent.ok()) return agent.status();
  const absl::StatusOr<Inspection> found = (*agent)->Inspect();
  if (!found.ok()) return found.status();
  const std::string digest = dr::ToHex(found->Whole());
  if (options.json) {
    fmt::print(R"({{"digest": "{}", "operations": {}, "recover_ms": {:.1f}}})"
               "\n",
               digest, Sum(found->Total()), (*agent)->recover_ms());
  } else {
    fmt::print("{}\n", digest);
  }
  return absl::OkStatus();
}

// Not in /tmp, which is often no disk.
absl::StatusOr<std::string> NewDirectory() {
  const char* parent = std::getenv("TMPDIR");
  std::string path = fmt::format("{}/dr_demo.XXXXXX", parent == nullptr ? "/var/tmp" : parent);
  if (mkdtemp(path.data()) == nullptr) return dr::MakeIoFault("mkdtemp", path, errno);
  return path;
}

absl::StatusOr<Figures> RunDemo(const Options& options) {
  const absl::StatusOr<std::vector<Synset>> synsets = LoadWordNet(options.wordnet);
  if (!synsets.ok()) return synsets.status();
  const Plan plan(*synsets, options.seed);
  const std::uint64_t operations = options.operations.value_or(plan.RoundSize());
  const absl::StatusOr<std::string> directory =
      options.directory.empty() ? NewDirectory() : options.directory;
  if (!directory.ok()) return directory.status();
  if (!options.json) {
    fmt::print(
        "{} agents on {} threads learn WordNet: {} operations, each synced before it is "
        "acknowledged.\nDirectory: {}\n\n",
        kAgents, options.threads, operations, *directory);
  }
  const auto started = std::chrono::steady_clock::now();
  const absl::StatusOr<Figures> figures =
      options.kills_wanted() == 0 ? RunAlone(options, *directory, plan, operations)
                                  : Supervisor(options, *directory, plan, operations).Run();
  if (!figures.ok()) return figures.status();
  if (!options.json) {
    fmt::print("time      {:.1f} s\n\n",
               std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  }
  std::error_code error;
  if (options.directory.empty() && figures->lost == 0) {
    std::filesystem::remove_all(*directory, error);
  }
  return figures;
}

int Main(std::span<const char* const> arguments) {
  const absl::StatusOr<Options> options = ParseOptions(arguments);
  if (!options.ok()) return dr::PrintError(options.status());
  if (options->help) {
    fmt::print("{}", Usage());
    return 0;
  }
  if (options->version) {
    fmt::print("dr_demo {}\n", dr::LibraryVersion());
    return 0;
  }
  if (options->digest) return dr::PrintError(PrintDigest(*options));
  if (options->worker) return dr::PrintError(RunWorker(*options));
  const absl::StatusOr<Figures> figures = RunDemo(*options);
  if (!figures.ok()) return dr::PrintError(figures.status());
  fmt::print("{}\n", options->json ? ToJson(*figures) : "demo: " + ToLine(*figures));
  return figures->lost == 0 && figures->acknowledged == figures->operations ? 0 : 1;
}

}  // namespace
}  // namespace demo

int main(int argc, char** argv) {
  return demo::Main(std::span<const char* const>(argv + 1, static_cast<std::size_t>(argc - 1)));
}
