#include "src/component/digest_notes.h"

#include <catch2/catch.hpp>

#include "src/component/digest_marker.h"
#include "tests/component/fake_log.h"
#include "tests/component/scripted_component.h"
#include "tests/support/status.h"

namespace dr::test {
namespace {

struct Noted {
  FakeLog log;
  SystemClock clock;
  Runtime runtime{.log = log.log, .clock = clock, .digest_every = 3};
  Scripted component;
  ComponentCallbacks callbacks{component, {"noted", {.name = "scripted", .version = 4}}};
  DigestNotes notes{runtime, callbacks};
};

TEST_CASE("A digest is due at each multiple of the period, or never") {
  Noted at;
  CHECK(at.notes.Until(0) == 3);
  CHECK(at.notes.Until(2) == 1);
  CHECK(at.notes.Until(3) == 3);
  at.runtime.digest_every = 0;
  CHECK(at.notes.Until(3) > 1'000'000'000'000);
}

TEST_CASE("A note says which operation the digest is of, and of which schema version") {
  Noted at;
  at.component.on_digest = [] { return DigestOf("state"); };
  Records none;
  REQUIRE_OK(at.callbacks.Load(none, {7}));
  REQUIRE_OK(at.notes.Write());
  REQUIRE(at.log.log.last() == Lsn{1});
  const RecordView& record = at.log.log.AwaitEntry({1}).record;
  CHECK(record.kind == OperationKind::kMarker);
  CHECK(record.component == "noted");
  const auto marker = DecodeDigestMarker(record.payload);
  REQUIRE(marker.has_value());
  CHECK(marker->as_of == Lsn{7});
  CHECK(marker->schema_version == 4);
  CHECK(marker->digest == DigestOf("state"));
}

TEST_CASE("Without a digest, room or an open log there is no note, and no failure") {
  Noted at;
  REQUIRE_OK(at.notes.Write());
  at.component.on_digest = [] { return DigestOf("state"); };
  at.log.Fill();
  REQUIRE_OK(at.notes.Write());
  at.log.Empty();
  at.log.End(absl::UnavailableError("ended"));
  REQUIRE_OK(at.notes.Write());
  CHECK(at.log.log.last() == Lsn{});
}

TEST_CASE("A StateDigest that breaks its contract is the component's failure") {
  Noted at;
  at.component.on_digest = []() -> std::optional<Digest> { throw 1; };
  CHECK(IsFault(at.notes.Write(), FaultKind::kComponent));
}

}  // namespace
}  // namespace dr::test
