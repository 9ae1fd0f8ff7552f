#include "dr/repository/repository.h"

#include <catch2/catch.hpp>

#include "tests/repository/checkpoints.h"
#include "tests/repository/lossy_store.h"
#include "tests/store/sim_store.h"

namespace dr {
namespace {

using test::Bench;
using test::Checkpoint;
using test::Keys;
using test::KindOf;
using test::Loss;
using test::LossyStore;
using test::ManifestOf;
using test::ReadSnapshot;
using test::Records;
using test::SimStore;
using test::WriteSnapshot;

std::string EntryKey(int sequence) { return fmt::format("entry/{:020}", sequence); }

std::vector<std::uint64_t> Sequences(const std::vector<RepositoryEntry>& entries) {
  std::vector<std::uint64_t> sequences;
  for (const RepositoryEntry& entry : entries) sequences.push_back(entry.sequence);
  return sequences;
}

TEST_CASE("An empty repository has no entries, and the first is number 1") {
  MemoryStore store;
  Bench bench(store);
  CHECK(bench->Entries({})->empty());
  auto first = Checkpoint(*bench, {"a"});
  REQUIRE(first.ok());
  CHECK(first->sequence == 1);
  CHECK(first->previous == SegmentEnd{});
  CHECK(first->before == EntryRef{});
}

TEST_CASE("P16: Entries are one chain, whoever opens the repository next") {
  MemoryStore store;
  std::vector<BackupManifest> published;
  for (int i = 1; i <= 4; ++i) {
    Bench bench(store);
    auto manifest = Checkpoint(*bench, {fmt::format("state {}", i)});
    REQUIRE(manifest.ok());
    CHECK(manifest->sequence == static_cast<std::uint64_t>(i));
    if (i > 1) {
      const BackupManifest& before = published.back();
      CHECK(manifest->previous ==
            SegmentEnd{.number = before.sequence,
                       .salt = before.salt,
                       .last_lsn = before.durable_lsn,
                       .epoch = before.epoch,
                       .entry = Sha256Of(store.Get(EntryKey(i - 1), {})->value)});
      CHECK(manifest->before == EntryRef{before.sequence, manifest->previous.entry});
    }
    published.push_back(*manifest);
  }
  Bench bench(store);
  auto entries = bench->Entries({});
  REQUIRE(Sequences(*entries) == std::vector<std::uint64_t>{4, 3, 2, 1});
  for (const RepositoryEntry& entry : *entries) {
    REQUIRE(entry.manifest.ok());
    CHECK(*entry.manifest == published[entry.sequence - 1]);
    CHECK(*ReadSnapshot(*bench, entry.manifest->components[0]) ==
          Records{fmt::format("state {}", entry.sequence)});
  }
}

TEST_CASE("What Publish returns is what Entries reads, components in order") {
  MemoryStore store;
  Bench bench(store);
  auto z = WriteSnapshot(*bench, "z", {"1"});
  auto a = WriteSnapshot(*bench, "a", {"2"});
  auto manifest = bench->Publish(ManifestOf({*z, *a}), {});
  REQUIRE(manifest.ok());
  CHECK(*bench->Entries({})->front().manifest == *manifest);
}

TEST_CASE("A manifest that breaks a rule, or asks for an unknown feature, is not published") {
  MemoryStore store;
  Bench bench(store);
  auto snapshot = WriteSnapshot(*bench, "c", {"1"}, {9});
  CHECK(absl::IsInvalidArgument(bench->Publish(ManifestOf({*snapshot}, {5}), {}).status()));
  BackupManifest manifest = ManifestOf({});
  manifest.required_features = {"from the future"};
  CHECK(absl::IsUnimplemented(bench->Publish(manifest, {}).status()));
  CHECK(Keys(store, "entry/").empty());
  CHECK(Checkpoint(*bench, {"a"})->sequence == 1);
}

TEST_CASE("D4: An entry put without an answer is put again with the same bytes, or found") {
  const Loss loss = GENERATE(Loss::kAnswer, Loss::kCall);
  LossyStore store;
  store.prefix = "entry/";
  Bench bench(store);
  store.loss = loss;
  store.losses = 1;
  CHECK(Checkpoint(*bench, {"a"})->sequence == 1);
  CHECK(Checkpoint(*bench, {"b"})->sequence == 2);
  CHECK(bench->Entries({})->size() == 2);
}

TEST_CASE("P16: What an earlier Publish left open is settled before the next number is used") {
  const Loss loss = GENERATE(Loss::kAnswer, Loss::kCall);
  LossyStore store;
  store.prefix = "entry/";
  Bench bench(store);
  REQUIRE(Checkpoint(*bench, {"a"}).ok());
  store.loss = loss;
  store.losses = 2;
  if (loss == Loss::kAnswer) store.gets_fail = true;
  CHECK(absl::IsUnknown(Checkpoint(*bench, {"b"}).status()));
  // A store that is full says nothing about the put before.
  store.loss = Loss::kRefused;
  store.losses = 1;
  CHECK(absl::IsResourceExhausted(Checkpoint(*bench, {"lost"}).status()));
  store.losses = 0;
  store.gets_fail = false;
  const bool by_prune = GENERATE(false, true);
  if (by_prune) {
    REQUIRE(bench->Prune(5, {1}, {}).ok());
  } else {
    CHECK(Checkpoint(*bench, {"c"}, {2})->sequence == 3);
  }
  auto entries = bench->Entries({});
  REQUIRE(entries->size() == (by_prune ? 2 : 3));
  for (const RepositoryEntry& entry : *entries) CHECK(entry.manifest.ok());
  const std::size_t second = by_prune ? 0 : 1;
  CHECK(*ReadSnapshot(*bench, (*entries)[second].manifest->components[0]) == Records{"b"});
}

TEST_CASE("A Publish that was refused leaves its number to the next") {
  LossyStore store;
  store.prefix = "entry/";
  Bench bench(store);
  store.loss = Loss::kRefused;
  store.losses = 1;
  CHECK(absl::IsResourceExhausted(Checkpoint(*bench, {"a"}).status()));
  CHECK(Checkpoint(*bench, {"b"})->sequence == 1);
}

TEST_CASE("C6: Of two writers one gets the number, the other is told") {
  MemoryStore store;
  Bench one(store);
  Bench two(store);
  REQUIRE(Checkpoint(*one, {"one"}).ok());
  const absl::Status lost = Checkpoint(*two, {"two"}).status();
  CHECK(absl::IsAborted(lost));
  CHECK(FaultOf(lost)->place == EntryKey(1));
  CHECK(*ReadSnapshot(*one, one->Entries({})->front().manifest->components[0]) == Records{"one"});
}

TEST_CASE("D9: A listing that is late hides no entry and lets no number be used twice") {
  LossyStore store;
  for (int i = 1; i <= 5; ++i) {
    Bench bench(store);
    REQUIRE(Checkpoint(*bench, {"x"}).ok());
  }
  store.hidden_from = EntryKey(3);
  {
    Bench bench(store);
    CHECK(Checkpoint(*bench, {"y"})->sequence == 6);
    CHECK(bench->Entries({})->front().sequence == 6);
    CHECK(bench->Entries({})->front().manifest.ok());
  }
  store.hidden_from = "a";
  Bench bench(store);
  CHECK(Checkpoint(*bench, {"z"})->sequence == 7);
}

TEST_CASE("B3: A damaged newest entry is reported, keeps its number, and the older ones are read") {
  MemoryStore store;
  {
    Bench bench(store);
    REQUIRE(Checkpoint(*bench, {"a"}).ok());
    REQUIRE(Checkpoint(*bench, {"b"}).ok());
  }
  std::string bytes = store.Get(EntryKey(2), {})->value;
  bytes[bytes.size() / 2] ^= 1;
  REQUIRE(store.Put(EntryKey(2), bytes, {}, {}).ok());
  Bench bench(store);
  auto entries = bench->Entries({});
  REQUIRE(entries->size() == 2);
  CHECK(absl::IsDataLoss((*entries)[0].manifest.status()));
  CHECK((*entries)[1].manifest.ok());
  CHECK(Checkpoint(*bench, {"c"})->sequence == 3);
}

TEST_CASE(
    "B3: Neither does an entry that the store itself finds damaged keep the repository shut") {
  SimFileSystem disk;
  SimStore store(disk);
  REQUIRE(store.opened.ok());
  {
    Bench bench(*store);
    REQUIRE(Checkpoint(*bench, {"a"}).ok());
    REQUIRE(Checkpoint(*bench, {"b"}).ok());
  }
  REQUIRE(disk.Overwrite("/store/entry+/" + EntryKey(2).substr(6), 100, "rot").ok());
  REQUIRE(absl::IsDataLoss(store->Get(EntryKey(2), {}).status()));
  Bench bench(*store);
  REQUIRE(bench.opened.ok());
  auto entries = bench->Entries({});
  REQUIRE(entries->size() == 2);
  CHECK(absl::IsDataLoss((*entries)[0].manifest.status()));
  CHECK((*entries)[1].manifest.ok());
  CHECK(Checkpoint(*bench, {"c"})->sequence == 3);
  CHECK(bench->Entries({})->front().manifest.ok());
}

TEST_CASE("C4: Every flipped bit, and every length, of an entry is found") {
  MemoryStore store;
  Bench bench(store);
  REQUIRE(Checkpoint(*bench, {"a"}).ok());
  const std::string good = store.Get(EntryKey(1), {})->value;
  std::uint64_t tried = 0, found = 0;
  const auto check = [&](const std::string& bad) {
    REQUIRE(store.Put(EntryKey(1), bad, {}, {}).ok());
    ++tried;
    auto entries = bench->Entries({});
    if (entries.ok() && entries->size() == 1 && !entries->front().manifest.ok()) ++found;
  };
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    check(bad);
  }
  for (std::size_t size = 0; size < good.size(); ++size) check(good.substr(0, size));
  CHECK(found == tried);
}

TEST_CASE("C6: An entry that is not the one its successor follows is found") {
  MemoryStore store, other;
  Bench bench(store);
  Bench forger(other);
  for (int i = 1; i <= 3; ++i) {
    REQUIRE(Checkpoint(*bench, {"a"}).ok());
    REQUIRE(Checkpoint(*forger, {"b"}).ok());
  }
  REQUIRE(store.Put(EntryKey(2), other.Get(EntryKey(2), {})->value, {}, {}).ok());
  auto entries = bench->Entries({});
  CHECK((*entries)[0].manifest.ok());
  CHECK(KindOf((*entries)[1].manifest.status()) == FaultKind::kAuthFailed);
  // Under another number it is found without a successor.
  REQUIRE(store.Put(EntryKey(3), store.Get(EntryKey(1), {})->value, {}, {}).ok());
  entries = bench->Entries({});
  CHECK(KindOf((*entries)[0].manifest.status()) == FaultKind::kAuthFailed);
}

TEST_CASE("C7: An entry that is gone from the middle is reported as missing") {
  MemoryStore store;
  Bench bench(store);
  for (int i = 1; i <= 4; ++i) REQUIRE(Checkpoint(*bench, {"a"}).ok());
  REQUIRE(store.Delete(EntryKey(2), {}, {}).ok());
  auto entries = bench->Entries({});
  REQUIRE(Sequences(*entries) == std::vector<std::uint64_t>{4, 3, 2, 1});
  CHECK(KindOf((*entries)[2].manifest.status()) == FaultKind::kIncomplete);
  CHECK((*entries)[3].manifest.ok());
}

TEST_CASE("Keys that are no numbers of the sequence are passed over") {
  MemoryStore store;
  for (std::string_view key : {"entry/", "entry/1", "entry/x", "entry/99999999999999999999"}) {
    REQUIRE(store.Put(key, "x", {}, {}).ok());
  }
  Bench bench(store);
  CHECK(Checkpoint(*bench, {"a"})->sequence == 1);
  CHECK(bench->Entries({})->size() == 1);
}

TEST_CASE("Pruning keeps the newest, what they carry forward, and nothing else") {
  MemoryStore store;
  Bench bench(store);
  auto carried = WriteSnapshot(*bench, "carried", {"old but in use"}, {9});
  std::vector<std::string> changing;
  for (int i = 1; i <= 4; ++i) {
    auto snapshot = WriteSnapshot(*bench, "changing", {fmt::format("{}", i)}, {9});
    changing.push_back(snapshot->objects[0].name);
    REQUIRE(bench->Publish(ManifestOf({*carried, *snapshot}, {9}), {}).ok());
  }
  REQUIRE(WriteSnapshot(*bench, "interrupted", {"never published"}).ok());
  REQUIRE(bench->Prune(2, {1}, {}).ok());
  CHECK(Keys(store, "entry/") == std::vector<std::string>{EntryKey(3), EntryKey(4)});
  const std::vector<std::string> objects = Keys(store, "data/");
  CHECK(std::set<std::string>(objects.begin(), objects.end()) ==
        std::set<std::string>{carried->objects[0].name, changing[2], changing[3]});
  auto entries = bench->Entries({});
  for (const RepositoryEntry& entry : *entries) {
    for (const ComponentSnapshot& snapshot : entry.manifest->components) {
      CHECK(ReadSnapshot(*bench, snapshot).ok());
    }
  }
  REQUIRE(bench->Prune(2, {1}, {}).ok());
  CHECK(Keys(store, "data/") == objects);
}

TEST_CASE("Pruning refuses to keep nothing, and to judge what it cannot read") {
  MemoryStore store;
  Bench bench(store);
  REQUIRE(Checkpoint(*bench, {"a"}).ok());
  REQUIRE(Checkpoint(*bench, {"b"}).ok());
  CHECK(absl::IsInvalidArgument(bench->Prune(0, {1}, {})));
  const std::string good = store.Get(EntryKey(2), {})->value;
  REQUIRE(store.Put(EntryKey(2), "rot", {}, {}).ok());
  CHECK(absl::IsDataLoss(bench->Prune(1, {1}, {})));
  CHECK(Keys(store, "entry/").size() == 2);
  CHECK(Keys(store, "data/").size() == 2);
  REQUIRE(store.Put(EntryKey(2), good, {}, {}).ok());
  CHECK(bench->Prune(1, {1}, {}).ok());
  CHECK(Keys(store, "data/").size() == 1);
}

TEST_CASE("A store that cannot hold a repository is refused") {
  LossyStore store;
  SECTION("without conditional creation") { store.can.if_absent = false; }
  SECTION("with values too short") { store.can.max_value_bytes = 1000; }
  SECTION("with keys too short") { store.can.max_key_bytes = 60; }
  CHECK(absl::IsUnimplemented(Bench(store).opened.status()));
}

TEST_CASE("Objects fit the store's values, whatever the options say") {
  const std::size_t object_bytes = GENERATE(0, 1, 8 << 10, 1 << 30);
  MemoryStore store(8 << 10);
  Bench bench(store, {.object_bytes = object_bytes});
  const Records records = {std::string(100'000, 'x'), "y"};
  auto snapshot = WriteSnapshot(*bench, std::string(128, 'c'), records);
  INFO(snapshot.status().ToString());
  REQUIRE(snapshot.ok());
  CHECK(*ReadSnapshot(*bench, *snapshot) == records);
}

}  // namespace
}  // namespace dr
