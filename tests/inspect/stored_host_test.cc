#include "dr/inspect/stored_host.h"

#include "tests/inspect/stored_host_fixture.h"

namespace dr::test {
namespace {

TEST_CASE("What is stored is opened as a host, or as a folder of segments") {
  const Places places;
  RunHost(places.host, [](Host&, Counters& counters) { AddMany(counters, 1); });
  const StoredHost host = Value(StoredHost::Open(places.host));
  CHECK(host.generation() == "g-000001");
  CHECK(host.path() == places.host);
  CHECK(Value(StoredHost::Open(places.wal)).generation().empty());
}

TEST_CASE("Neither a host nor a log is named, and nothing is made of it") {
  const Places places;
  CHECK(absl::IsNotFound(StoredHost::Open(places.host).status()));
  std::filesystem::create_directory(places.host);
  const absl::Status empty = StoredHost::Open(places.host).status();
  CHECK(absl::IsNotFound(empty));
  CHECK(FaultOf(empty)->place == places.host);
  CHECK(std::filesystem::is_empty(places.host));
}

TEST_CASE("A host whose CURRENT is damaged is not taken for a folder of segments") {
  const Places places;
  RunHost(places.host, [](Host&, Counters& counters) { AddMany(counters, 1); });
  std::ofstream(places.host + "/CURRENT") << "g-000009 0\n";
  CHECK(absl::IsDataLoss(StoredHost::Open(places.host).status()));
}

}  // namespace
}  // namespace dr::test
