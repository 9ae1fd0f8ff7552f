// The same host over each store that is linked, on the real servers that scripts/servers started.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "dr/stored_state.h"
#include "fmt/format.h"
#include "tests/host/counter_component.h"
#include "tests/host/small_host.h"

namespace dr::test {
namespace {

std::string FromEnvironment(const char* name) {
  const char* uri = std::getenv(name);
  INFO(name << " is not set: run scripts/servers start, and source build/servers/env");
  REQUIRE(uri != nullptr);
  return uri;
}

TEST_CASE("S1-3: A host moves from machine to machine over every store, and keeps nothing twice") {
  const TempDirectory directory;
  SystemRandom random;
  // Nobody else's, on a server of many.
  const std::string unique = fmt::format("host-{:x}", Value(random.Next()));
  const auto named = [&](const std::string& uri) {
    return fmt::format("{}{}namespace={}", uri, uri.find('?') == uri.npos ? '?' : '&', unique);
  };
  std::string uri, scheme = GENERATE("file", "rocksdb", "redis", "postgres", "s3");
  if (scheme == "file" || scheme == "rocksdb") uri = scheme + "://" + directory.path() + "/store";
  if (scheme == "redis") uri = named(FromEnvironment("DR_TEST_REDIS"));
  if (scheme == "postgres") uri = named(FromEnvironment("DR_TEST_POSTGRES"));
  if (scheme == "s3") {
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
      setenv(name, FromEnvironment(fmt::format("DR_TEST_{}", name).c_str()).c_str(), 1);
    }
    uri = FromEnvironment("DR_TEST_S3");
    uri.insert(std::min(uri.find('?'), uri.size()), "/" + unique);
  }
  const bool can_expire = scheme == "redis" || scheme == "postgres";
  INFO(uri);
  for (std::uint64_t life = 0; life < 4; ++life) {
    Counters a("a"), b("b/ä 1");
    HostOptions options{
        .repository = uri, .components = {&a, &b}, .durability = Durability::kProcess};
    if (can_expire) options.checkpoint.ttl = std::chrono::hours(1);
    auto host = Value(Host::Open(std::move(options), LinkedAdapters()));
    CHECK(a.Total() == life);
    CHECK(b.Total() == (life > 0 ? 1 : 0));
    if (life == 0) REQUIRE_OK(b.Add(std::string(1 << 20, 'b')).status());
    REQUIRE_OK(a.Add(fmt::format("life {}", life)).status());
    REQUIRE_OK(host->Checkpoint().status());
    REQUIRE_OK(a.Add("lost").status());
    CHECK(Value(StateOf(*host)->LoadState("a")) == StateOutcome::kRestored);
    CHECK(a.Count("lost") == 0);
  }
  // What was pruned has its number and no value.
  SystemClock clock;
  PosixFileSystem files;
  auto store = Value(LinkedAdapters().Open(uri, {&files, &clock, &random}));
  CHECK(Value(store->List("data/", "", {})).entries.size() == (can_expire ? 4 : 3));
  const Page entries = Value(store->List("entry/", "", {}));
  CHECK(entries.entries.size() == 8);
  for (const ListEntry& entry : entries.entries) {
    CHECK((entry.bytes == 0) == (entry.key <= "entry/00000000000000000006"));
  }
}

}  // namespace
}  // namespace dr::test
