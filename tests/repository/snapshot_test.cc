#include "src/repository/objects/snapshot.h"

#include <catch2/catch.hpp>

#include "tests/repository/checkpoints.h"
#include "tests/repository/lossy_store.h"

namespace dr {
namespace {

using test::Bench;
using test::KindOf;
using test::Loss;
using test::LossyStore;
using test::ReadSnapshot;
using test::Records;
using test::WriteSnapshot;

constexpr RepositoryOptions kSmall = {.object_bytes = 4096};

std::string Random(std::size_t size, char seed) {
  std::string bytes(size, seed);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(seed + i * 131 + (i >> 8));
  return bytes;
}

TEST_CASE("Records of any length are read back in order, across objects") {
  MemoryStore store;
  Bench bench(store, kSmall);
  Records records = {"",
                     "a",
                     Random(4095, 'a'),
                     Random(4096, 'b'),
                     "",
                     Random(4097, 'c'),
                     Random(100'000, 'd'),
                     Random(8192, 'e'),
                     ""};
  for (int i = 0; i < 2000; ++i) records.push_back(fmt::format("record {}", i));
  auto snapshot = WriteSnapshot(*bench, "c", records);
  REQUIRE(snapshot.ok());
  CHECK(snapshot->records == records.size());
  CHECK(snapshot->objects.size() > 30);
  Digest digest;
  std::uint64_t bytes = 0;
  for (const std::string& record : records) {
    digest += DigestOf(record);
    bytes += record.size();
  }
  CHECK(snapshot->digest == digest);
  CHECK(snapshot->bytes == bytes);
  for (const ObjectRef& object : snapshot->objects) {
    auto item = store.Get(object.name, {});
    REQUIRE(item.ok());
    CHECK(item->value.size() == object.bytes);
    CHECK(item->value.size() <= 2 * 4096);
  }
  CHECK(*ReadSnapshot(*bench, *snapshot) == records);
}

TEST_CASE("A snapshot without records has no object, and one with an empty record has one") {
  MemoryStore store;
  Bench bench(store);
  auto none = WriteSnapshot(*bench, "c", {});
  REQUIRE(none.ok());
  CHECK(none->objects.empty());
  CHECK(none->digest == Digest{});
  CHECK(ReadSnapshot(*bench, *none)->empty());
  auto empty = WriteSnapshot(*bench, "c", {""});
  CHECK(empty->objects.size() == 1);
  CHECK(*ReadSnapshot(*bench, *empty) == Records{""});
}

TEST_CASE("A21: A record of 64 MiB is taken, one byte more is refused and the snapshot given up") {
  MemoryStore store;
  Bench bench(store);
  const std::string record = Random(kMaxPayloadBytes, 'r');
  auto snapshot = WriteSnapshot(*bench, "c", {"before", record, "behind"});
  REQUIRE(snapshot.ok());
  auto in = bench->OpenSnapshot(*snapshot, {});
  CHECK(**(*in)->Next() == "before");
  CHECK((**(*in)->Next() == record));
  CHECK(**(*in)->Next() == "behind");
  CHECK(*(*in)->Next() == std::nullopt);

  auto out = bench->NewSnapshot("c", {.name = "c", .version = 1}, {1}, {1}, {});
  CHECK(absl::IsInvalidArgument(out->Write(record + "x")));
  CHECK(absl::IsInvalidArgument(out->Write("short")));
  CHECK(absl::IsInvalidArgument(out->Finish().status()));
}

TEST_CASE(
    "B5: A snapshot whose object could not be put is not finished, even if that was ignored") {
  LossyStore store;
  store.prefix = "data/";
  Bench bench(store, kSmall);
  auto out = bench->NewSnapshot("c", {.name = "c", .version = 1}, {1}, {1}, {});
  store.loss = Loss::kRefused;
  store.losses = 1;
  absl::Status last;
  for (int i = 0; i < 10; ++i) last = out->Write(Random(3000, 'x'));
  CHECK(absl::IsResourceExhausted(last));
  CHECK(absl::IsResourceExhausted(out->Finish().status()));
}

TEST_CASE("A snapshot is finished once") {
  MemoryStore store;
  Bench bench(store);
  auto out = bench->NewSnapshot("c", {.name = "c", .version = 1}, {1}, {1}, {});
  REQUIRE(out->Write("x").ok());
  CHECK(out->Finish().ok());
  CHECK(absl::IsFailedPrecondition(out->Write("y")));
  CHECK(absl::IsFailedPrecondition(out->Finish().status()));
}

TEST_CASE("D4: An object put without an answer is put again or found to be there") {
  const Loss loss = GENERATE(Loss::kAnswer, Loss::kCall);
  LossyStore store;
  Bench bench(store);
  store.prefix = "data/";
  store.loss = loss;
  store.losses = 1;
  auto snapshot = WriteSnapshot(*bench, "c", {"record"});
  REQUIRE(snapshot.ok());
  CHECK(*ReadSnapshot(*bench, *snapshot) == Records{"record"});
}

TEST_CASE("C3: Every flipped bit, and every length, of an object is found") {
  MemoryStore store;
  Bench bench(store, kSmall);
  auto snapshot = WriteSnapshot(*bench, "c", {"one", "two", std::string(5000, 'l'), "three"});
  REQUIRE(snapshot.ok());
  REQUIRE(snapshot->objects.size() == 3);
  std::uint64_t found = 0, tried = 0;
  for (const ObjectRef& object : snapshot->objects) {
    const std::string good = store.Get(object.name, {})->value;
    const auto check = [&](const std::string& bad) {
      REQUIRE(store.Put(object.name, bad, {}, {}).ok());
      ++tried;
      const absl::Status status = ReadSnapshot(*bench, *snapshot).status();
      if (absl::IsDataLoss(status) && FaultOf(status)->kind == FaultKind::kAuthFailed) ++found;
    };
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
      check(bad);
    }
    for (std::size_t size = 0; size < good.size(); ++size) check(good.substr(0, size));
    check(good + '\0');
    REQUIRE(store.Put(object.name, good, {}, {}).ok());
  }
  CHECK(found == tried);
  CHECK(ReadSnapshot(*bench, *snapshot).ok());
}

TEST_CASE("C3: An object that is missing, misplaced, or of another snapshot is found") {
  MemoryStore store;
  Bench bench(store, kSmall);
  const Records records = {Random(4000, 'a'), Random(4000, 'b'), Random(4000, 'c')};
  auto snapshot = WriteSnapshot(*bench, "c", records);
  auto other = WriteSnapshot(*bench, "d", records);
  REQUIRE(snapshot->objects.size() == 3);
  REQUIRE(ReadSnapshot(*bench, *snapshot).ok());
  const auto kind = [&](const ComponentSnapshot& changed) {
    return KindOf(ReadSnapshot(*bench, changed).status());
  };
  ComponentSnapshot changed = *snapshot;
  std::swap(changed.objects[0], changed.objects[1]);
  CHECK(kind(changed) == FaultKind::kAuthFailed);
  changed = *snapshot;
  changed.objects[1] = other->objects[1];
  CHECK(kind(changed) == FaultKind::kAuthFailed);
  changed = *snapshot;
  changed.objects[2] = changed.objects[1];
  CHECK(kind(changed) == FaultKind::kAuthFailed);
  changed = *snapshot;
  changed.objects.pop_back();
  CHECK(kind(changed) == FaultKind::kAuthFailed);
  changed = *snapshot;
  changed.schema.version = 2;
  CHECK(kind(changed) == FaultKind::kAuthFailed);
  changed = *snapshot;
  changed.records = 2;
  CHECK(kind(changed) == FaultKind::kAuthFailed);
  changed = *snapshot;
  changed.digest += DigestOf("x");
  CHECK(kind(changed) == FaultKind::kAuthFailed);
  REQUIRE(store.Delete(snapshot->objects[2].name, {}, {}).ok());
  const absl::Status missing = ReadSnapshot(*bench, *snapshot).status();
  CHECK(KindOf(missing) == FaultKind::kIncomplete);
  CHECK(FaultOf(missing)->place == snapshot->objects[2].name);
}

TEST_CASE("A store that is away is not a store with damage") {
  LossyStore store;
  Bench bench(store);
  auto snapshot = WriteSnapshot(*bench, "c", {"record"});
  store.gets_fail = true;
  CHECK(absl::IsUnavailable(ReadSnapshot(*bench, *snapshot).status()));
}

TEST_CASE("Component ids of any bytes have objects of their own") {
  MemoryStore store;
  Bench bench(store);
  for (const std::string& id : {std::string("../x"), std::string("a/b"), std::string(128, '/')}) {
    auto snapshot = WriteSnapshot(*bench, id, {id});
    REQUIRE(snapshot.ok());
    CHECK(*ReadSnapshot(*bench, *snapshot) == Records{id});
  }
}

}  // namespace
}  // namespace dr
