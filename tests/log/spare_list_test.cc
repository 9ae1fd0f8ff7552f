#include "src/log/spare_list.h"

#include <catch2/catch.hpp>

#include "tests/log/segment_values.h"
#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

TEST_CASE("spares offer what groups can take, and numbers never come again") {
  const SimFolder folder;
  SpareList spares(kSegmentBytes, {}, 5);
  CHECK(spares.Blocks() == 0);
  CHECK(spares.Wanted() == SpareList::kKeptMax);
  CHECK(spares.ReserveNumbers(2).first == 5);
  CHECK(spares.ReserveNumbers(1).first == 7);
  spares.Add(folder.Spare(5, kSegmentBytes));
  spares.Add(folder.Spare(6, 4 * kBlockBytes));
  CHECK(spares.Blocks() == 14 + 2);
  CHECK(spares.Wanted() == SpareList::kKeptMax - 2);
  for (int i = 0; i < 4; ++i) spares.Add(folder.Spare(7, 0));
  CHECK(spares.Wanted() == 0);
}

TEST_CASE("the oldest spare that has room for a group is taken, else the oldest") {
  const SimFolder folder;
  SpareList spares(kSegmentBytes, {}, 1);
  spares.Add(folder.Spare(1, 2 * kBlockBytes));
  spares.Add(folder.Spare(2, 3 * kBlockBytes));
  spares.Add(folder.Spare(3, kSegmentBytes));
  CHECK(spares.Take().segment.name.view() == LogFileName(2, ".spare").view());
  CHECK(spares.Take().segment.name.view() == LogFileName(3, ".spare").view());
  CHECK(spares.Take().segment.name.view() == LogFileName(1, ".spare").view());
  CHECK(FailsAssertion("!spares_.empty()", [&] { spares.Take(); }));
}

TEST_CASE("a spare that is being prepared is on the list of nobody else") {
  const SimFolder folder;
  SpareList spares(kSegmentBytes, {}, 1);
  spares.Add(folder.Spare(1, kSegmentBytes));
  CHECK_FALSE(spares.TakeUnfinished());
  spares.Add(folder.Spare(2, kBlockBytes));
  std::optional<SegmentFile> taken = spares.TakeUnfinished();
  REQUIRE(taken);
  CHECK(taken->segment.name.view() == LogFileName(2, ".spare").view());
  CHECK(spares.size() == 1);
  CHECK_FALSE(spares.TakeUnfinished());
}

TEST_CASE("what is no spare is not taken for one") {
  const SimFolder folder;
  SpareList spares(kSegmentBytes, {}, 1);
  CHECK(FailsAssertion("spare.segment.file", [&] { spares.Add({}); }));
  CHECK(FailsAssertion("prepared_bytes <= segment_bytes_",
                       [&] { spares.Add(folder.Spare(1, kSegmentBytes + 1)); }));
}

}  // namespace
}  // namespace dr::test
