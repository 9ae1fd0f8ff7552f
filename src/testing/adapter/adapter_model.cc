// Sequences of operations by two clients on two keys, compared with the few lines of a model. Which
// client and which key come first is only a name, so all begin with the first of each.
#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <utility>

#include "dr/mutex.h"
#include "dr/status_macros.h"
#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {
namespace {

using Code = absl::StatusCode;
constexpr std::size_t kMaxLength = 5;
constexpr unsigned kThreads = 8;

enum class Verb : std::uint8_t { kPut, kCreate, kReplace, kDelete, kDeleteIfVersion };
constexpr unsigned kVerbs = 5, kKeys = 2, kClients = 2;
constexpr std::string_view kVerbNames[] = {"put", "create", "replace", "delete", "delete version"};
constexpr std::string_view kKeyNames[] = {"a", "b"};

struct Step {
  Verb verb;
  unsigned key, client;
};

struct Sequence {
  std::array<Step, kMaxLength> steps;
  std::size_t length;
};

Sequence SequenceOf(std::uint64_t number, std::size_t length) {
  Sequence sequence = {{}, length};
  for (std::size_t i = 0; i < length; ++i) {
    const unsigned keys = i == 0 ? 1 : kKeys, clients = i == 0 ? 1 : kClients;
    sequence.steps[i].verb = static_cast<Verb>(number % kVerbs);
    number /= kVerbs;
    sequence.steps[i].key = static_cast<unsigned>(number % keys);
    number /= keys;
    sequence.steps[i].client = static_cast<unsigned>(number % clients);
    number /= clients;
  }
  return sequence;
}

std::string Describe(const Sequence& sequence) {
  std::string text;
  for (std::size_t i = 0; i < sequence.length; ++i) {
    const Step& step = sequence.steps[i];
    text += fmt::format("{}client {}: {} {}", i == 0 ? "" : ", ", step.client + 1,
                        kVerbNames[static_cast<unsigned>(step.verb)], kKeyNames[step.key]);
  }
  return text;
}

// Values and versions by the number of the step that put them, from 1; 0 is none.
class Model {
 public:
  // What `step`, the `number`th, returns.
  Code Take(const Step& step, std::size_t number) {
    std::size_t& current = current_[step.key];
    std::size_t& known = known_[step.key][step.client];
    const std::size_t before = current;
    const bool by_version = step.verb == Verb::kReplace || step.verb == Verb::kDeleteIfVersion;
    changed_ = false;
    if (step.verb == Verb::kCreate && current != 0) return Code::kAlreadyExists;
    if (by_version && current == 0) return Code::kNotFound;
    if (by_version && current != known) return Code::kAborted;
    if (step.verb == Verb::kDelete || step.verb == Verb::kDeleteIfVersion) {
      current = 0;
    } else {
      current = known = number;
    }
    changed_ = current != before;
    return Code::kOk;
  }
  bool changed() const { return changed_; }  // by the last step
  std::size_t current(unsigned key) const { return current_[key]; }
  // The step whose version `client` put last.
  std::size_t known(const Step& step) const { return known_[step.key][step.client]; }

 private:
  std::array<std::size_t, kKeys> current_ = {};
  std::array<std::array<std::size_t, kClients>, kKeys> known_ = {};
  bool changed_ = false;
};

// Only its last step may be one that changes nothing.
bool AllButTheLastChange(const Sequence& sequence) {
  Model model;
  for (std::size_t i = 0; i + 1 < sequence.length; ++i) {
    model.Take(sequence.steps[i], i + 1);
    if (!model.changed()) return false;
  }
  return true;
}

class Comparison {
 public:
  // Keys under `name` are not there, and are not afterwards.
  Comparison(const Trial& first, const Trial& second, std::string_view name)
      : trials_{first, second}, name_(name) {}

  absl::Status Run(const Sequence& sequence) {
    Model model;
    versions_ = {};
    versions_[0].value = "none";
    for (std::size_t i = 0; i < sequence.length; ++i) {
      const Step& step = sequence.steps[i];
      const Version known = versions_[model.known(step)];
      const Code expected = model.Take(step, i + 1);
      DR_RETURN_IF_ERROR(ExpectCode(expected, Do(step, i + 1, known),
                                    fmt::format("{}: step {}", Describe(sequence), i + 1)));
    }
    for (unsigned key = 0; key < kKeys; ++key) {
      const std::size_t current = model.current(key);
      const auto found = trials_[0].Get(Name(key));
      const bool same = current == 0 ? absl::IsNotFound(found.status())
                                     : found.ok() && found->value == Value(current) &&
                                           found->version == versions_[current];
      DR_RETURN_IF_ERROR(
          Expect(same, fmt::format("{}: {} is not what step {} put there: {}", Describe(sequence),
                                   kKeyNames[key], current, AsStd(found.status().ToString()))));
      if (current != 0) DR_RETURN_IF_ERROR(trials_[1].Delete(Name(key)));
    }
    return absl::OkStatus();
  }

 private:
  std::string Name(unsigned key) const { return fmt::format("{}/{}", name_, kKeyNames[key]); }
  static std::string Value(std::size_t step) { return fmt::format("of step {}", step); }

  absl::Status Do(const Step& step, std::size_t number, const Version& known) {
    const Trial& trial = trials_[step.client];
    const std::string name = Name(step.key);
    if (step.verb == Verb::kDelete) return trial.Delete(name);
    if (step.verb == Verb::kDeleteIfVersion) return trial.Delete(name, {.if_version = known});
    auto put = step.verb == Verb::kPut      ? trial.Put(name, Value(number))
               : step.verb == Verb::kCreate ? trial.Create(name, Value(number))
                                            : trial.Replace(name, Value(number), known);
    DR_RETURN_IF_ERROR(put.status());
    const bool is_new = std::find(versions_.begin(), versions_.end(), *put) == versions_.end();
    versions_[number] = *std::move(put);
    return Expect(is_new, "a version that another put has");
  }

  const std::array<Trial, kClients> trials_;
  const std::string_view name_;
  std::array<Version, kMaxLength + 1> versions_;
};

struct Plan {
  std::uint64_t calls;  // about
  std::size_t length;
  bool all;  // else those of which all but the last step change something
};
constexpr Plan kPlans[] = {{5'600'000, 5, true}, {500'000, 5, false}, {0, 3, true}};

absl::Status Compare(const Trial& first, const Trial& second, const Plan& plan) {
  std::uint64_t count = kVerbs;
  for (std::size_t i = 1; i < plan.length; ++i) count *= kVerbs * kKeys * kClients;
  Mutex mutex;
  absl::Status error;
  std::atomic<bool> failed = false;
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const std::string name = fmt::format("model/{}", thread);
      Comparison comparison(first, second, name);
      for (std::uint64_t number = thread; number < count && !failed; number += kThreads) {
        const Sequence sequence = SequenceOf(number, plan.length);
        if (!plan.all && !AllButTheLastChange(sequence)) continue;
        absl::Status status = comparison.Run(sequence);
        if (status.ok()) continue;
        failed = true;
        MutexLock lock(mutex);
        if (error.ok()) error = std::move(status);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return error;
}

absl::Status FollowsTheModel(const AdapterUnderTest& tested, std::string_view prefix) {
  const Plan& plan = *std::find_if(std::begin(kPlans), std::end(kPlans), [&](const Plan& one) {
    return one.calls <= tested.model_calls;
  });
  const Trial first{tested.store, prefix};
  if (!tested.open_another) return Compare(first, first, plan);
  DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> another, tested.open_another());
  return Compare(first, first.With(*another), plan);
}

constexpr AdapterCase kCases[] = {
    {"P21: Any sequence of operations by two clients does what the model does", WithBoth,
     FollowsTheModel},
};

}  // namespace

std::span<const AdapterCase> ModelCases() { return kCases; }

}  // namespace dr::inline v0
