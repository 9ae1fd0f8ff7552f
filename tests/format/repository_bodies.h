// A claim and a catalog with every field.
#pragma once

#include "src/format/catalog.h"
#include "src/format/claim.h"

namespace dr::test {

inline Claim ClaimOfEveryField() {
  return {.prefix = {.kind = SegmentKind::kClaim,
                     .log = {.high = 1, .low = 2},
                     .number = 77,
                     .salt = 0x5a17,
                     .epoch = {9000},
                     .first_lsn = {1},
                     .durable_lsn = {41},
                     .history_lsn = {41},
                     .history = {.high = 3, .low = 4},
                     .previous = {.number = 76,
                                  .salt = 0xdddd,
                                  .last_lsn = {41},
                                  .epoch = {8000},
                                  .entry = Sha256Of("76")},
                     .created = absl::FromUnixNanos(1'700'000'000'123'456'789)},
          .before = {60, Sha256Of("60")},
          .manifest = {70, Sha256Of("70")},
          .host = "agent-7",
          .parent = ForkParent{"trunk", {.high = 5, .low = 6}, {12, Sha256Of("12")}},
          .closing = true,
          .runs = {{{7000}, {1}}, {{8000}, {30}}},
          .required_features = {}};
}

inline Catalog CatalogOfEveryField() {
  const absl::Time now = absl::FromUnixNanos(1'700'000'000'123'456'789);
  return {.lineage = {.high = 1, .low = 2},
          .revision = 12,
          .nonce = 0x5a17,
          .changed = now,
          .floor = 50,
          .swept = 40,
          .ring = Sha256Of("R1"),
          .kept = {{.entry = {20, Sha256Of("20")},
                    .created = now - absl::Hours(24),
                    .position = {{7000}, {25}},
                    .names = {"before-upgrade", "friday"},
                    .holds = {},
                    .proof = Proof{Proof::Level::kReplayed, false, now, absl::Seconds(3)},
                    .dropped_components = {"cache"}},
                   {.entry = {30, Sha256Of("30")},
                    .created = now - absl::Hours(1),
                    .position = {{8000}, {33}},
                    .names = {},
                    .holds = {"fork of trunk"},
                    .proof = Proof{Proof::Level::kBytes, true, now, absl::Nanoseconds(7)},
                    .dropped_components = {}}},
          .dropped = {{25, Sha256Of("25")}, {26, Sha256Of("26")}},
          .copy_of = CopyOf{0x77, 900},
          .parted = Parted{0x78, 800, {31}, {.high = 8, .low = 9}},
          .closed = "s3://bucket/next",
          .required_features = {}};
}

}  // namespace dr::test
