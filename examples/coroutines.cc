// Agents as coroutines: each result of a call to the outside world is logged before the agent goes
// on with it. After a crash an agent finds the results that it had and asks only for the rest.
//
//   coroutines [DIRECTORY]
#include <coroutine>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dr/async.h"
#include "dr/host.h"
#include "fmt/format.h"

namespace {

// A coroutine that nobody waits for: it starts at once and cleans up after itself.
struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// What each agent was answered, in order. A record is "AGENT ANSWER".
class Answers : public dr::StatefulComponent {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<dr::Lsn>) &&>;

  Answers() : StatefulComponent("answers", {.name = "answers", .version = 1}) {}

  void Record(char agent, const std::string& answer, Done done) {
    const dr::CommitOptions options{.kind = dr::OperationKind::kCallResult};
    CommitAsync(fmt::format("{} {}", agent, answer), options, std::move(done));
  }
  std::vector<std::string> Of(char agent) const {
    dr::ReaderLock lock(state_mutex());
    const auto at = answers_.find(agent);
    return at == answers_.end() ? std::vector<std::string>() : at->second;
  }

 private:
  absl::Status Add(std::string_view record) {
    if (record.size() < 2) return absl::InternalError("not an answer");
    answers_[record[0]].emplace_back(record.substr(2));
    return absl::OkStatus();
  }
  absl::Status Apply(const dr::Operation& op) override { return Add(op.payload); }
  absl::Status SaveState(dr::StateWriter& out) const override {
    for (const auto& [agent, answers] : answers_) {
      for (const std::string& answer : answers) {
        if (absl::Status s = out.Write(fmt::format("{} {}", agent, answer)); !s.ok()) return s;
      }
    }
    return absl::OkStatus();
  }
  absl::Status LoadState(dr::StateReader& in) override {
    answers_.clear();
    while (true) {
      const absl::StatusOr<std::optional<std::string_view>> record = in.Next();
      if (!record.ok() || !record->has_value()) return record.status();
      if (absl::Status s = Add(**record); !s.ok()) return s;
    }
  }

  std::map<char, std::vector<std::string>> answers_;
};

struct Run {
  int working = 0, calls = 0;
  absl::Status status = {};
};

// Stands for a model or a tool: slow, expensive, and never twice the same.
std::string Ask(char agent, std::size_t question, Run& run) {
  ++run.calls;
  return fmt::format("answer {} to agent {}", question, agent);
}

Task Work(char agent, std::size_t questions, Answers& answers, Run& run) {
  ++run.working;
  for (std::size_t q = answers.Of(agent).size(); q < questions && run.status.ok(); ++q) {
    const std::string answer = Ask(agent, q, run);
    auto commit =
        dr::AwaitCommit([&](auto done) { answers.Record(agent, answer, std::move(done)); });
    const absl::StatusOr<dr::Lsn> lsn = co_await commit;  // durable and applied when it goes on
    if (!lsn.ok()) run.status = lsn.status();
  }
  --run.working;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "dr_coroutines").string();
  Answers answers;
  auto host = dr::Host::Open({.directory = directory, .components = {&answers}}, {});
  if (!host.ok()) return dr::PrintError(host.status());

  Run run;
  for (char agent : {'A', 'B', 'C'}) Work(agent, 4, answers, run);
  // The runtime's own loop drives the host: no thread but this one.
  while (run.working > 0) {
    if (absl::Status s = (*host)->Step(); !s.ok()) return dr::PrintError(s);
  }
  if (!run.status.ok()) return dr::PrintError(run.status);
  fmt::print("3 agents have 4 answers each; {} calls were made in this run\n", run.calls);
  for (char agent : {'A', 'B', 'C'}) {
    if (answers.Of(agent).size() != 4) return 1;
  }
  return dr::PrintError((*host)->Shutdown());
}
