#include "adapters/redis/ledger.h"

#include <catch2/catch.hpp>

#include "dr/status.h"

namespace dr {
namespace {

using redis::Ledger;

// A store that was acknowledged `count` writes by server A.
struct Opened {
  explicit Opened(std::int64_t count) {
    admitted = *ledger.Admit("A", Ledger::kNone, ledger.acknowledged());
    for (std::int64_t i = 0; i <= count; ++i) {
      REQUIRE(ledger.Acknowledge(i, ledger.acknowledged(), admitted).ok());
    }
  }
  Ledger ledger;
  std::uint64_t admitted = 0;
};

TEST_CASE("D13: A server that has all that was acknowledged goes on, another one too") {
  Opened store(7);
  const auto again = store.ledger.Admit("A", 7, 7);
  REQUIRE(again.ok());
  CHECK(*again == store.admitted);
  const auto other = store.ledger.Admit("B", 9, 7);  // two that were not acknowledged arrived
  REQUIRE(other.ok());
  CHECK_FALSE(store.ledger.IsCurrent(store.admitted));
  CHECK(store.ledger.IsCurrent(*other));
  CHECK(store.ledger.Acknowledge(10, 7, *other).ok());
}

TEST_CASE("D13: A server that has less than was acknowledged has lost it, for good") {
  for (const std::int64_t count : {std::int64_t{6}, std::int64_t{0}, Ledger::kNone}) {
    Opened store(7);
    CHECK(absl::IsDataLoss(store.ledger.Admit("B", count, 7).status()));
    CHECK(absl::IsDataLoss(store.ledger.status()));
    CHECK(absl::IsDataLoss(store.ledger.Admit("A", 7, 7).status()));
  }
}

TEST_CASE("D13: The count of a server that goes on may be older than its last acknowledgement") {
  Opened store(7);
  REQUIRE(store.ledger.Acknowledge(8, 7, store.admitted).ok());
  CHECK(store.ledger.Admit("A", 7, 7).ok());                        // asked before, answered late
  CHECK(absl::IsDataLoss(store.ledger.Admit("B", 7, 7).status()));  // it took over without the 8th
}

TEST_CASE("D13: What a former master acknowledges after another took over is worth nothing") {
  Opened store(7);
  const std::int64_t before = store.ledger.acknowledged();
  const auto other = store.ledger.Admit("B", 7, 7);
  REQUIRE(other.ok());
  CHECK_FALSE(store.ledger.Acknowledge(8, before, store.admitted).ok());
  CHECK(store.ledger.acknowledged() == 7);
  CHECK(store.ledger.status().ok());
}

TEST_CASE("D13: A counter that goes back on a living connection is a loss") {
  Opened store(7);
  CHECK(absl::IsDataLoss(store.ledger.Acknowledge(1, 7, store.admitted)));
  CHECK(absl::IsDataLoss(store.ledger.status()));
}

TEST_CASE("Acknowledgements come in any order") {
  Opened store(7);
  CHECK(store.ledger.Acknowledge(10, 7, store.admitted).ok());
  CHECK(store.ledger.Acknowledge(9, 7, store.admitted).ok());
  CHECK(store.ledger.acknowledged() == 10);
}

}  // namespace
}  // namespace dr
