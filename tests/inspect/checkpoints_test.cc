#include "dr/inspect/checkpoints.h"

#include "dr/status.h"
#include "tests/inspect/stored_host_fixture.h"

namespace dr::test {
namespace {

void MakeTwo(const Places& places) {
  RunHost(places.host, [](Host& host, Counters& counters) {
    for (int i = 0; i < 2; ++i) {
      AddMany(counters, 5);
      REQUIRE_OK(host.Checkpoint());
    }
  });
}

void DamageNewestObject(const Places& places) {
  const CheckpointContents newest = Value(
      ShowCheckpoint(Value(StoredHost::Open(places.host)), std::nullopt, ReadDepth::kManifests));
  const std::string key = newest.components[0].snapshot.objects[0].name;
  const std::string name = key.substr(key.rfind('/') + 1);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(places.host)) {
    if (entry.path().filename() == name) FlipBit(entry.path(), 300);
  }
}

TEST_CASE("Checkpoints are listed newest first") {
  const Places places;
  MakeTwo(places);
  const CheckpointList list =
      Value(ListCheckpoints(Value(StoredHost::Open(places.host)), ReadDepth::kRecords));
  CHECK(list.damage.ok());
  REQUIRE(list.all.size() == 2);
  CHECK(list.all[0].entry.manifest->as_of == Lsn{10});
  CHECK(list.all[1].entry.manifest->as_of == Lsn{5});
  CHECK(list.all[1].state.ok());
}

TEST_CASE("A damaged object is found where records are read, and by its own checkpoint alone") {
  const Places places;
  MakeTwo(places);
  DamageNewestObject(places);
  const StoredHost host = Value(StoredHost::Open(places.host));
  CHECK(Value(ListCheckpoints(host, ReadDepth::kManifests)).damage.ok());
  const CheckpointList list = Value(ListCheckpoints(host, ReadDepth::kRecords));
  CHECK(IsFault(list.damage, FaultKind::kAuthFailed));
  CHECK(list.all[0].state == list.damage);
  CHECK(list.all[1].state.ok());
  const CheckpointContents newest = Value(ShowCheckpoint(host, 2, ReadDepth::kRecords));
  CHECK(newest.components[0].state == newest.damage);
  CHECK(Value(ShowCheckpoint(host, 1, ReadDepth::kRecords)).damage.ok());
}

TEST_CASE("One checkpoint is shown by its number, and the newest without one") {
  const Places places;
  MakeTwo(places);
  const StoredHost host = Value(StoredHost::Open(places.host));
  CHECK(Value(ShowCheckpoint(host, 1, ReadDepth::kManifests)).manifest.as_of == Lsn{5});
  const CheckpointContents newest =
      Value(ShowCheckpoint(host, std::nullopt, ReadDepth::kManifests));
  CHECK(newest.manifest.sequence == 2);
  REQUIRE(newest.components.size() == 1);
  CHECK(newest.components[0].snapshot.component == "counters");
  CHECK(absl::IsNotFound(ShowCheckpoint(host, 9, ReadDepth::kManifests).status()));
}

TEST_CASE("A host without a checkpoint has an empty list, and none to show") {
  const Places places;
  RunHost(places.host, [](Host&, Counters& counters) { AddMany(counters, 1); });
  const StoredHost host = Value(StoredHost::Open(places.host));
  CHECK(Value(ListCheckpoints(host, ReadDepth::kRecords)).all.empty());
  CHECK(absl::IsNotFound(ShowCheckpoint(host, std::nullopt, ReadDepth::kRecords).status()));
}

TEST_CASE("A folder of segments has no checkpoints to ask for") {
  const Places places;
  MakeTwo(places);
  const StoredHost folder = Value(StoredHost::Open(places.wal));
  CHECK(absl::IsInvalidArgument(ListCheckpoints(folder, ReadDepth::kManifests).status()));
  CHECK(absl::IsInvalidArgument(ShowCheckpoint(folder, 1, ReadDepth::kManifests).status()));
}

}  // namespace
}  // namespace dr::test
