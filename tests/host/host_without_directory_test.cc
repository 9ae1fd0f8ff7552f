// A host with a repository and no directory.

#include <catch2/catch.hpp>
#include <thread>

#include "dr/adapter/memory_store.h"
#include "dr/host.h"
#include "dr/stored_state.h"
#include "dr/testing/fault_store.h"
#include "dr/testing/sim_clock.h"
#include "src/checkpoint/repository_checkpoints.h"
#include "tests/host/borrowed_registry.h"
#include "tests/host/counter_component.h"
#include "tests/host/recording.h"
#include "tests/host/small_host.h"

namespace dr::test {
namespace {

/// A place that survives hosts, and a clock that they share.
struct Place {
  SimClock clock;
  MemoryStore memory{1 << 20, clock};
  FaultStore store{memory, clock, 1};
  Recording events;

  HostOptions Options(std::vector<StatefulComponent*> components) {
    HostOptions options;
    options.repository = kBorrowed;
    options.components = std::move(components);
    options.durability = Durability::kProcess;
    options.environment = {.clock = &clock, .observer = &events};
    options.log.ring_capacity = 16;
    return options;
  }
  absl::StatusOr<std::unique_ptr<Host>> Open(HostOptions options) {
    return Host::Open(std::move(options), Borrowed(store));
  }
  std::unique_ptr<Host> Open(std::vector<StatefulComponent*> components) {
    return Value(Open(Options(std::move(components))));
  }
  std::vector<std::string> Keys(std::string_view prefix) {
    const Page page = Value(memory.List(prefix, "", {}));
    std::vector<std::string> keys;
    for (const ListEntry& entry : page.entries) keys.push_back(entry.key);
    return keys;
  }
  BackupManifest Newest() {
    const std::string key = Keys("entry/").back();
    return Value(DecodeManifest(Value(memory.Get(key, {})).value, key));
  }
  void Rot(const std::string& key) {
    std::string bytes = Value(memory.Get(key, {})).value;
    bytes[bytes.size() / 2] ^= 1;
    REQUIRE_OK(memory.Put(key, bytes, {}, {}).status());
  }
};

FaultKind KindOf(const absl::Status& status) {
  INFO(status.ToString());
  const std::optional<Fault> fault = FaultOf(status);
  REQUIRE(fault);
  return fault->kind;
}

TEST_CASE("S1-8: What a checkpoint saved is there after a kill, and nothing of what came later") {
  Place place;
  {
    Counters a("a"), b("b");
    auto host = place.Open({&a, &b});
    REQUIRE_OK(a.Add("x"));
    REQUIRE_OK(b.Add("y"));
    CHECK(a.Count("x") == 1);
    const CheckpointInfo info = Value(host->Checkpoint());
    CHECK(info.components_written == 2);
    CHECK(host->figures().durable == info.position);
    REQUIRE_OK(a.Add("x"));
  }
  Counters a("a"), b("b");
  auto host = place.Open({&a, &b});
  CHECK(a.Count("x") == 1);
  CHECK(b.Count("y") == 1);
  REQUIRE_OK(a.Add("x"));
  const CheckpointInfo info = Value(host->Checkpoint());
  CHECK(info.components_written == 1);
  CHECK(info.components_carried == 1);
  CHECK(Value(host->Checkpoint()).sequence == 0);
}

TEST_CASE("S1-7: An orderly shutdown saves, and one that could not may be tried again") {
  Place place;
  {
    Counters counters;
    HostOptions options = place.Options({&counters});
    auto host = Value(place.Open(std::move(options)));
    REQUIRE_OK(counters.Add("x"));
    place.store.Next(StoreFault::kRefuse, 10);
    const absl::Status refused = host->Shutdown();
    CHECK(absl::IsUnavailable(refused));
    CHECK(counters.Add("x").status().code() == absl::StatusCode::kFailedPrecondition);
    REQUIRE_OK(host->Shutdown());
    CHECK(host->Shutdown().code() == absl::StatusCode::kFailedPrecondition);
  }
  Counters counters;
  auto host = place.Open({&counters});
  CHECK(counters.Count("x") == 1);
}

TEST_CASE(
    "S1-6: Checkpoints come with the clock if something has changed, and after a failed one") {
  Place place;
  Counters counters;
  auto host = place.Open({&counters});
  const auto step = [&] {
    place.clock.Advance(std::chrono::seconds(10));
    REQUIRE_OK(host->Step());
    return host->figures().checkpoints;
  };
  CHECK(step() == 0);
  REQUIRE_OK(counters.Add("x"));
  CHECK(step() == 1);
  CHECK(step() == 1);
  REQUIRE_OK(counters.Add("x"));
  CHECK(step() == 2);
  REQUIRE_OK(counters.Add("x"));
  REQUIRE_OK(host->Step());
  CHECK(host->figures().checkpoints == 2);
  place.store.Next(StoreFault::kRefuse, 10);
  CHECK(step() == 2);
  CHECK(host->figures().checkpoint_failures == 1);
  CHECK(step() == 3);
  CHECK(step() == 3);
}

TEST_CASE("S1-6: With Start they come by themselves") {
  MemoryStore store;
  {
    Counters counters;
    auto host = Value(Host::Open({.repository = kBorrowed,
                                  .components = {&counters},
                                  .durability = Durability::kProcess,
                                  .checkpoint = {.interval = std::chrono::milliseconds(20)}},
                                 Borrowed(store)));
    REQUIRE_OK(host->Start());
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) static_cast<void>(counters.Add("x"));
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(counters.Count("x") == 2000);
    while (host->figures().durable.lsn < Lsn{2000}) std::this_thread::yield();
  }
  Counters counters;
  auto host = Value(Host::Open(
      {.repository = kBorrowed, .components = {&counters}, .durability = Durability::kProcess},
      Borrowed(store)));
  CHECK(counters.Count("x") == 2000);
}

TEST_CASE("What such a host cannot promise is refused") {
  Place place;
  Counters counters;
  HostOptions options = place.Options({&counters});
  SECTION("at open, saying what to do") {
    options.durability = GENERATE(Durability::kLocal, Durability::kRemote);
    const absl::Status refused = place.Open(std::move(options)).status();
    CHECK(KindOf(refused) == FaultKind::kUsage);
    CHECK(refused.message().find("kProcess") != absl::string_view::npos);
  }
  SECTION("for one commit") {
    auto host = Value(place.Open(std::move(options)));
    const Durability asked = GENERATE(Durability::kLocal, Durability::kRemote);
    CHECK(KindOf(counters.Add("x", {.durability = asked}).status()) == FaultKind::kUsage);
    CHECK(counters.Count("x") == 0);
  }
  SECTION("digests, which have no log to be in") {
    options.checkpoint.digest_every = 1;
    CHECK(KindOf(place.Open(std::move(options)).status()) == FaultKind::kInvalid);
  }
  SECTION("a store that cannot create under a condition") {
    Capabilities can = place.memory.capabilities();
    can.if_absent = false;
    CHECK(KindOf(Host::Open(std::move(options), Borrowed(place.memory, can)).status()) ==
          FaultKind::kUnsupported);
  }
}

TEST_CASE(
    "What the store does not promise is told once, and of a store that does there is no such "
    "event") {
  Place place;
  Counters counters;
  Capabilities can = place.memory.capabilities();
  can.fence_safe = GENERATE(false, true);
  can.durable = GENERATE(false, true);
  auto host = Value(Host::Open(place.Options({&counters}), Borrowed(place.memory, can)));
  const std::vector<Event> told = place.events.Of(EventKind::kWeakStore);
  REQUIRE(told.size() == (can.fence_safe && can.durable ? 0 : 1));
  if (told.empty()) return;
  CHECK((told[0].text.find("two hosts") == std::string::npos) == can.fence_safe);
  CHECK((told[0].text.find("lost") == std::string::npos) == can.durable);
}

TEST_CASE("P14: The host that was opened last has the repository, the other is told and finished") {
  Place place;
  Counters first("c"), second("c");
  auto old_host = place.Open({&first});
  REQUIRE_OK(first.Add("saved"));
  REQUIRE_OK(old_host->Checkpoint().status());
  auto new_host = place.Open({&second});
  CHECK(second.Count("saved") == 1);
  REQUIRE_OK(first.Add("x"));
  const bool by_load = GENERATE(false, true);
  if (by_load) REQUIRE_OK(new_host->Checkpoint().status());
  const std::vector<std::string> before = place.Keys("");
  const absl::Status told = by_load ? StateOf(*old_host)->LoadState("c").status()
                                    : StateOf(*old_host)->SaveState("c").status();
  CHECK(KindOf(told) == FaultKind::kFenced);
  CHECK(first.Count("x") == 1);
  const std::size_t written = place.Keys("").size();  // an object, perhaps, and nothing was deleted
  for (const std::string& key : before) CHECK(place.memory.Get(key, {}).ok());
  CHECK(KindOf(first.Add("x").status()) == FaultKind::kFenced);
  CHECK(KindOf(old_host->Checkpoint().status()) == FaultKind::kFenced);
  CHECK(KindOf(StateOf(*old_host)->SaveState("c").status()) == FaultKind::kFenced);
  CHECK(KindOf(StateOf(*old_host)->LoadState("c").status()) == FaultKind::kFenced);
  CHECK(KindOf(StateOf(*old_host)->DeleteState("c")) == FaultKind::kFenced);
  CHECK(KindOf(old_host->Step()) == FaultKind::kFenced);
  CHECK(KindOf(old_host->Shutdown()) == FaultKind::kFenced);
  CHECK(place.Keys("").size() == written);
  CHECK(place.events.Of(EventKind::kFenced).size() == 1);
  REQUIRE_OK(second.Add("y"));
  REQUIRE_OK(new_host->Shutdown());
  Counters third("c");
  auto host = place.Open({&third});
  CHECK(third.Count("saved") == 1);
  CHECK(third.Count("y") == 1);
  CHECK(third.Count("x") == 0);
}

TEST_CASE("P13: A host that lacks a component is refused, and the one that has it goes on") {
  Place place;
  Counters a("a"), b("b");
  auto host = place.Open({&a, &b});
  REQUIRE_OK(a.Add("x"));
  REQUIRE_OK(b.Add("x"));
  REQUIRE_OK(host->Checkpoint().status());
  Counters other("a");
  CHECK(KindOf(place.Open(place.Options({&other})).status()) == FaultKind::kUsage);
  REQUIRE_OK(a.Add("x"));
  REQUIRE_OK(host->Shutdown());
  Counters again("a");
  HostOptions options = place.Options({&again});
  options.recovery.retired = {"b"};
  auto next = Value(place.Open(std::move(options)));
  CHECK(again.Count("x") == 2);
  const std::vector<Event> given_up = place.events.Of(EventKind::kComponentRetired);  // K64
  REQUIRE(given_up.size() == 1);
  CHECK(given_up[0].component == "b");
  CHECK(given_up[0].lsn.value >= 2);
  REQUIRE_OK(next->Checkpoint().status());
  next.reset();
  Counters last("a");
  CHECK(place.Open(place.Options({&last})).ok());
  CHECK(place.events.Of(EventKind::kComponentRetired).size() == 1);
}

TEST_CASE("S1-9: What is damaged is an error, never a beginning or an older state") {
  Place place;
  const bool object = GENERATE(false, true);
  Counters counters;
  {
    auto host = place.Open({&counters});
    for (int i = 0; i < 3; ++i) {
      REQUIRE_OK(counters.Add("x"));
      REQUIRE_OK(host->Checkpoint().status());
    }
    place.Rot(object ? place.Newest().components[0].objects[0].name : place.Keys("entry/").back());
    // A host that runs is not hurt, and can tell.
    if (object) CHECK(absl::IsDataLoss(StateOf(*host)->LoadState("counters").status()));
    CHECK(counters.Count("x") == 3);
  }
  Counters fresh;
  const std::vector<std::string> before = place.Keys("");
  CHECK(absl::IsDataLoss(place.Open(place.Options({&fresh})).status()));
  CHECK(place.Keys("") == before);
}

TEST_CASE("S1-1: SaveState saves one component, and the others stay as they were saved") {
  Place place;
  {
    Counters a("a"), b("b");
    auto host = place.Open({&a, &b});
    REQUIRE_OK(a.Add("x"));
    REQUIRE_OK(b.Add("x"));
    REQUIRE_OK(host->Checkpoint().status());
    REQUIRE_OK(a.Add("x"));
    REQUIRE_OK(b.Add("x"));
    const CheckpointInfo info = Value(StateOf(*host)->SaveState("b"));
    CHECK(info.components_written == 1);
    CHECK(Value(StateOf(*host)->SaveState("b")).sequence == 0);
  }
  Counters a("a"), b("b");
  auto host = place.Open({&a, &b});
  CHECK(a.Count("x") == 1);
  CHECK(b.Count("x") == 2);
}

TEST_CASE("S1-1: LoadState puts back what is saved, and tells empty from missing") {
  Place place;
  Counters a("a"), b("b");
  auto host = place.Open({&a, &b});
  CHECK(Value(StateOf(*host)->LoadState("a")) == StateOutcome::kMissing);
  REQUIRE_OK(a.Add("x"));
  CHECK(Value(StateOf(*host)->LoadState("a")) == StateOutcome::kMissing);
  CHECK(a.Count("x") == 1);
  REQUIRE_OK(StateOf(*host)->SaveState("a").status());
  REQUIRE_OK(StateOf(*host)->SaveState("b").status());
  REQUIRE_OK(a.Add("x"));
  REQUIRE_OK(b.Add("x"));
  CHECK(Value(StateOf(*host)->LoadState("a")) == StateOutcome::kRestored);
  CHECK(a.Count("x") == 1);
  CHECK(Value(StateOf(*host)->LoadState("b")) == StateOutcome::kEmpty);
  CHECK(b.Count("x") == 0);
  // And goes on from there.
  REQUIRE_OK(a.Add("x"));
  REQUIRE_OK(host->Shutdown());
  Counters a2("a"), b2("b");
  auto next = place.Open({&a2, &b2});
  CHECK(a2.Count("x") == 2);
  CHECK(b2.Count("x") == 0);
  CHECK(NameOf(StateOutcome::kMissing) == "missing");
}

TEST_CASE("S1-1: DeleteState gives up what is saved until something is committed again") {
  Place place;
  {
    Counters a("a"), b("b");
    auto host = place.Open({&a, &b});
    REQUIRE_OK(a.Add("x"));
    REQUIRE_OK(b.Add("x"));
    REQUIRE_OK(host->Checkpoint().status());
    REQUIRE_OK(StateOf(*host)->DeleteState("a"));
    REQUIRE_OK(StateOf(*host)->DeleteState("a"));
    CHECK(Value(StateOf(*host)->LoadState("a")) == StateOutcome::kMissing);
    CHECK(a.Count("x") == 1);
    CHECK(Value(host->Checkpoint()).sequence == 0);
    REQUIRE_OK(host->Shutdown());
  }
  {
    Counters a("a"), b("b");
    auto host = place.Open({&a, &b});
    CHECK(a.Count("x") == 0);
    CHECK(b.Count("x") == 1);
    REQUIRE_OK(host->Checkpoint().status());
    CHECK(Value(StateOf(*host)->LoadState("a")) == StateOutcome::kMissing);
    REQUIRE_OK(a.Add("y"));
    REQUIRE_OK(host->Checkpoint().status());
    CHECK(Value(StateOf(*host)->LoadState("a")) == StateOutcome::kRestored);
  }
}

TEST_CASE("The direct calls name what they cannot do") {
  Place place;
  Counters counters;
  {
    auto host = place.Open({&counters});
    CHECK(absl::IsNotFound(StateOf(*host)->SaveState("other").status()));
    CHECK(absl::IsNotFound(StateOf(*host)->LoadState("other").status()));
    CHECK(absl::IsNotFound(StateOf(*host)->DeleteState("other")));
    REQUIRE_OK(host->Shutdown());
    CHECK(KindOf(StateOf(*host)->SaveState("counters").status()) == FaultKind::kUsage);
  }
  TempDirectory directory;
  Counters local;
  auto host = Value(Host::Open(Options(directory, {&local}), {}));
  CHECK(StateOf(*host) == nullptr);
}

TEST_CASE("P11: No checkpoint holds a part of a batch, whoever commits meanwhile") {
  Place place;
  Counters a("a"), b("b");
  auto host = place.Open({&a, &b});
  std::atomic<bool> stop = false;
  std::thread committing([&] {
    const ComponentCommit batch[] = {{&a, "x"}, {&b, "x"}};
    while (!stop) static_cast<void>(CommitAll(batch));
  });
  std::thread others([&] {
    while (!stop) static_cast<void>(a.Add("y"));
  });
  SystemRandom random;
  for (int checked = 0; checked < 50;) {
    const CheckpointInfo info = Value(host->Checkpoint());
    if (info.sequence == 0) continue;
    auto repository = Value(Repository::Open(place.memory, place.clock, random, {.shared = true}));
    const BackupManifest manifest = *Value(repository->Newest({}));
    std::vector<std::string> batches;
    for (const ComponentSnapshot& snapshot : manifest.components) {
      CHECK(snapshot.as_of == manifest.as_of);
      auto reader = Value(repository->OpenSnapshot(snapshot, {}));
      for (auto record = Value(reader->Next()); record; record = Value(reader->Next())) {
        if (record->starts_with("x=")) batches.emplace_back(*record);
      }
    }
    if (batches.empty()) continue;
    ++checked;
    CHECK(batches.size() == 2);
    CHECK(batches.front() == batches.back());
  }
  stop = true;
  committing.join();
  others.join();
}

TEST_CASE("Asynchronous commits fill the ring and go on without Start, and are done in Step") {
  Place place;
  Counters counters;
  auto host = place.Open({&counters});
  int done = 0;
  for (int i = 0; i < 100; ++i) {
    counters.AddAsync("x", [&](absl::StatusOr<Lsn> lsn) { done += lsn.ok(); });
  }
  REQUIRE_OK(host->Step());
  CHECK(done == 100);
  CHECK(counters.Count("x") == 100);
}

TEST_CASE("S1-2: A ttl is refused where it would erase what is meant to survive") {
  Place place;
  Counters counters;
  HostOptions options = place.Options({&counters});
  options.checkpoint.keep = 3;
  options.checkpoint.interval = std::chrono::seconds(60);
  options.checkpoint.ttl = std::chrono::seconds(179);
  SECTION("it is shorter than the recovery window: both are named") {
    const absl::Status refused = place.Open(std::move(options)).status();
    CHECK(absl::IsInvalidArgument(refused));
    CHECK(refused.message().find("179") != absl::string_view::npos);
    CHECK(refused.message().find("60") != absl::string_view::npos);
  }
  SECTION("nothing renews it") {
    options.checkpoint.interval = {};
    CHECK(absl::IsInvalidArgument(place.Open(std::move(options)).status()));
  }
  SECTION("the store lets nothing expire") {
    options.checkpoint.ttl = std::chrono::seconds(180);
    Capabilities can = place.memory.capabilities();
    can.ttl = false;
    CHECK(absl::IsUnimplemented(
        Host::Open(std::move(options), Borrowed(place.memory, can)).status()));
  }
}

TEST_CASE(
    "S1-2: What lives is renewed at every interval, and what is down for the ttl is erased whole") {
  Place place;
  const auto options = [&](Counters& counters) {
    HostOptions with_ttl = place.Options({&counters});
    with_ttl.checkpoint.interval = std::chrono::seconds(60);
    with_ttl.checkpoint.ttl = std::chrono::seconds(180);
    return with_ttl;
  };
  {
    Counters counters;
    auto host = Value(place.Open(options(counters)));
    REQUIRE_OK(counters.Add("x"));
    for (int i = 0; i < 10; ++i) {
      place.clock.Advance(std::chrono::seconds(60));
      REQUIRE_OK(host->Step());
    }
    CHECK(host->figures().checkpoints == 10);
  }
  place.clock.Advance(std::chrono::seconds(170));
  for (int i = 0; i < 2; ++i) {  // a claim does not outlive what it names
    Counters counters;
    auto host = Value(place.Open(options(counters)));
    CHECK(counters.Count("x") == 1);
  }
  place.clock.Advance(std::chrono::seconds(10));
  Counters counters;
  auto host = Value(place.Open(options(counters)));
  CHECK(counters.Count("x") == 0);
  CHECK(Value(StateOf(*host)->LoadState("counters")) == StateOutcome::kMissing);
  REQUIRE_OK(counters.Add("x"));
  REQUIRE_OK(StateOf(*host)->SaveState("counters").status());
}

TEST_CASE("Hosts that are opened and save nothing fill no store") {
  Place place;
  for (int life = 0; life < 40; ++life) {
    Counters counters;
    auto host = place.Open({&counters});
    if (life == 0) REQUIRE_OK(counters.Add("x"));
    REQUIRE_OK(host->Shutdown());
    CHECK(counters.Count("x") == 1);
  }
  std::size_t whole = 0;
  for (const ListEntry& entry : Value(place.memory.List("entry/", "", {})).entries) {
    whole += entry.bytes > 0;
  }
  CHECK(whole == 10);
  CHECK(place.Keys("data/").size() == 1);
}

TEST_CASE("A component that fails leaves the checkpoint before, and nothing else behind") {
  Place place;
  Counters a("a"), b("b");
  auto host = place.Open({&a, &b});
  REQUIRE_OK(a.Add("x"));
  REQUIRE_OK(b.Add("x"));
  REQUIRE_OK(host->Checkpoint().status());
  REQUIRE_OK(a.Add("x"));
  REQUIRE_OK(b.Add("x"));
  b.while_saving = [] { throw std::runtime_error("no"); };
  const std::vector<std::string> before = place.Keys("");
  CHECK(KindOf(host->Checkpoint().status()) == FaultKind::kComponent);
  CHECK(place.Keys("") == before);
  REQUIRE_OK(StateOf(*host)->SaveState("a").status());
}

TEST_CASE("The repository of a directory is refused, since it is nothing without its log") {
  TempDirectory directory;
  {
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    REQUIRE_OK(counters.Add("x"));
    REQUIRE_OK(host->Shutdown());
  }
  Counters counters;
  HostOptions options;
  options.repository = "file://" + directory.path() + "/state/g-000001/store";
  options.components = {&counters};
  options.durability = Durability::kProcess;
  CHECK(KindOf(Host::Open(std::move(options), LinkedAdapters()).status()) == FaultKind::kUsage);
  Counters again;
  auto host = Value(Host::Open(Options(directory, {&again}), {}));
  CHECK(again.Count("x") == 1);
}

}  // namespace
}  // namespace dr::test
