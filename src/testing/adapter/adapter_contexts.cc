#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "dr/clock.h"
#include "dr/status_macros.h"
#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {
namespace {

using Code = absl::StatusCode;

// A context that has ended, and the error that says so.
struct Ended {
  Context context;
  Code code;
};

Ended Late() { return {{.deadline = Instant::FromNanoseconds(1)}, Code::kDeadlineExceeded}; }

Ended Stopped() {
  std::stop_source source;
  source.request_stop();
  return {{.stop = source.get_token()}, Code::kCancelled};
}

using EndedBody = absl::Status (*)(const Trial& trial, const Ended& ended);

template <EndedBody kBody>
absl::Status LateCall(const Trial& trial) {
  return kBody(trial, Late());
}
template <EndedBody kBody>
absl::Status StoppedCall(const Trial& trial) {
  return kBody(trial, Stopped());
}

absl::Status Put(const Trial& trial, const Ended& ended) {
  DR_RETURN_IF_ERROR(trial.Put("b", "before").status());
  for (std::string_view name : {"a", "b"}) {
    DR_RETURN_IF_ERROR(ExpectCode(
        ended.code, trial.store.Put(trial.Key(name), "x", {}, ended.context).status(), "Put"));
  }
  DR_RETURN_IF_ERROR(trial.ExpectNothing("a"));
  return trial.ExpectValue("b", "before");
}

absl::Status Create(const Trial& trial, const Ended& ended) {
  const PutOptions create = {.condition = PutCondition::kIfAbsent};
  DR_RETURN_IF_ERROR(ExpectCode(
      ended.code, trial.store.Put(trial.Key("a"), "x", create, ended.context).status(), "Put"));
  return trial.Create("a", "2").status();
}

absl::Status Replace(const Trial& trial, const Ended& ended) {
  DR_ASSIGN_OR_RETURN(Version version, trial.Put("a", "before"));
  const PutOptions replace = {.condition = PutCondition::kIfVersion, .version = version};
  DR_RETURN_IF_ERROR(ExpectCode(
      ended.code, trial.store.Put(trial.Key("a"), "x", replace, ended.context).status(), "Put"));
  return trial.Replace("a", "2", version).status();
}

absl::Status Get(const Trial& trial, const Ended& ended) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1").status());
  return ExpectCode(ended.code, trial.store.Get(trial.Key("a"), ended.context).status(), "Get");
}

absl::Status List(const Trial& trial, const Ended& ended) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1").status());
  return ExpectCode(ended.code, trial.store.List(trial.prefix, "", ended.context).status(), "List");
}

absl::Status Delete(const Trial& trial, const Ended& ended) {
  DR_ASSIGN_OR_RETURN(Version version, trial.Put("a", "1"));
  DR_RETURN_IF_ERROR(
      ExpectCode(ended.code, trial.store.Delete(trial.Key("a"), {}, ended.context), "Delete"));
  if (trial.store.capabilities().if_version) {
    DR_RETURN_IF_ERROR(ExpectCode(
        ended.code, trial.store.Delete(trial.Key("a"), {.if_version = version}, ended.context),
        "Delete"));
  }
  return trial.ExpectValue("a", "1");
}

absl::Status Check(const Trial& trial, const Ended& ended) {
  return ExpectCode(ended.code, trial.store.Check(ended.context), "Check");
}

absl::Status GetMany(const Trial& trial, const Ended& ended) {
  DR_RETURN_IF_ERROR(trial.Put("a", "1").status());
  const std::string a = trial.Key("a"), b = trial.Key("b");
  const std::string_view keys[] = {a, b};
  const std::vector<absl::StatusOr<Item>> found = trial.store.GetMany(keys, ended.context);
  DR_RETURN_IF_ERROR(Expect(found.size() == 2, "GetMany has not one result per key"));
  for (const auto& one : found) {
    DR_RETURN_IF_ERROR(ExpectCode(ended.code, one.status(), "GetMany"));
  }
  return absl::OkStatus();
}

absl::Status PutMany(const Trial& trial, const Ended& ended) {
  const std::string a = trial.Key("a"), b = trial.Key("b");
  const KeyValue items[] = {{a, "1"}, {b, "2"}};
  DR_RETURN_IF_ERROR(ExpectCode(ended.code, trial.store.PutMany(items, ended.context), "PutMany"));
  return trial.ExpectNames("", {});
}

absl::Status DeleteMany(const Trial& trial, const Ended& ended) {
  DR_RETURN_IF_ERROR(trial.PutEmpty({"a", "b"}));
  const std::string keys[] = {trial.Key("a"), trial.Key("b")};
  DR_RETURN_IF_ERROR(
      ExpectCode(ended.code, trial.store.DeleteMany(keys, ended.context), "DeleteMany"));
  return trial.ExpectNames("", {"a", "b"});
}

absl::Status InTime(const Trial& trial) {
  const SystemClock clock;
  std::stop_source source;
  const Context context = {.deadline = clock.Now() + std::chrono::hours(1),
                           .stop = source.get_token()};
  const std::string key = trial.Key("a");
  DR_RETURN_IF_ERROR(trial.store.Put(key, "1", {}, context).status());
  DR_ASSIGN_OR_RETURN(Item item, trial.store.Get(key, context));
  DR_RETURN_IF_ERROR(Expect(item.value == "1", "it is another value"));
  DR_RETURN_IF_ERROR(trial.store.List(trial.prefix, "", context).status());
  DR_RETURN_IF_ERROR(trial.store.Check(context));
  return trial.store.Delete(key, {}, context);
}

absl::Status GoesOn(const Trial& trial) {
  for (int i = 0; i < 40; ++i) {
    const Ended ended = i % 2 == 0 ? Late() : Stopped();
    DR_RETURN_IF_ERROR(ExpectCode(
        ended.code, trial.store.Put(trial.Key("a"), "x", {}, ended.context).status(), "Put"));
    DR_RETURN_IF_ERROR(
        ExpectCode(ended.code, trial.store.Get(trial.Key("a"), ended.context).status(), "Get"));
  }
  DR_RETURN_IF_ERROR(trial.Put("a", "1").status());
  return trial.ExpectValue("a", "1");
}

constexpr AdapterCase kCases[] = {
    {"A call in time is done", Always, One<InTime>},
    {"A put past its deadline does nothing", Always, One<LateCall<Put>>},
    {"A creation past its deadline does nothing", WithIfAbsent, One<LateCall<Create>>},
    {"A replacement past its deadline does nothing", WithIfVersion, One<LateCall<Replace>>},
    {"A get past its deadline says so", Always, One<LateCall<Get>>},
    {"A listing past its deadline says so", Always, One<LateCall<List>>},
    {"A deletion past its deadline does nothing", Always, One<LateCall<Delete>>},
    {"A check past its deadline says so", Always, One<LateCall<Check>>},
    {"GetMany past its deadline says so for each key", Always, One<LateCall<GetMany>>},
    {"PutMany past its deadline does nothing", Always, One<LateCall<PutMany>>},
    {"DeleteMany past its deadline does nothing", Always, One<LateCall<DeleteMany>>},
    {"A put that was cancelled does nothing", Always, One<StoppedCall<Put>>},
    {"A creation that was cancelled does nothing", WithIfAbsent, One<StoppedCall<Create>>},
    {"A replacement that was cancelled does nothing", WithIfVersion, One<StoppedCall<Replace>>},
    {"A get that was cancelled says so", Always, One<StoppedCall<Get>>},
    {"A listing that was cancelled says so", Always, One<StoppedCall<List>>},
    {"A deletion that was cancelled does nothing", Always, One<StoppedCall<Delete>>},
    {"A check that was cancelled says so", Always, One<StoppedCall<Check>>},
    {"GetMany that was cancelled says so for each key", Always, One<StoppedCall<GetMany>>},
    {"PutMany that was cancelled does nothing", Always, One<StoppedCall<PutMany>>},
    {"DeleteMany that was cancelled does nothing", Always, One<StoppedCall<DeleteMany>>},
    {"D20: Calls that ended early leave a store that works", Always, One<GoesOn>},
};

}  // namespace

std::span<const AdapterCase> ContextCases() { return kCases; }

}  // namespace dr::inline v0
