#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "dr/inspect/volume.h"
#include "dr/log/segment.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/log/segment_files.h"

namespace dr::inline v0 {
namespace {

constexpr int kWrites = 20;

enum class Durable { kNo, kBySync, kByWrite };

absl::StatusOr<std::vector<double>> Time(File& file, const Clock& clock, Durable durable) {
  AlignedBuffer block(kBlockBytes);
  const std::string_view bytes(block.data(), block.size());
  // As the log does it: space that was written and synced before is overwritten.
  DR_RETURN_IF_ERROR(file.WriteAt(0, bytes));
  DR_RETURN_IF_ERROR(file.Sync());
  std::vector<double> microseconds;
  for (int i = 0; i < kWrites; ++i) {
    const Instant begin = clock.Now();
    DR_RETURN_IF_ERROR(file.WriteAt(0, bytes));
    if (durable == Durable::kBySync) DR_RETURN_IF_ERROR(file.Sync());
    microseconds.push_back(std::chrono::duration<double, std::micro>(clock.Now() - begin).count());
  }
  std::sort(microseconds.begin(), microseconds.end());
  return microseconds;
}

absl::StatusOr<std::vector<double>> Measure(Directory& directory, const Clock& clock,
                                            Random& random, Durable durable) {
  // Kept until the end: some file systems do not sync a file without a name. Should this be killed,
  // the next open of the log removes it.
  DR_ASSIGN_OR_RETURN(const std::uint64_t unique, random.Next());
  const std::string name = fmt::format("doctor-{:016x}.tmp", unique);
  DR_ASSIGN_OR_RETURN(auto file, directory.Open(name, {.access = Access::kWrite,
                                                       .create = Create::kExclusive,
                                                       .path = durable == Durable::kByWrite
                                                                   ? WritePath::kDirect
                                                                   : WritePath::kBuffered}));
  auto microseconds = Time(*file, clock, durable);
  const absl::Status removed = directory.Remove(name);
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  return microseconds;
}

}  // namespace

absl::StatusOr<WriteCost> MeasureWrites(Directory& directory, const Clock& clock, Random& random) {
  DR_ASSIGN_OR_RETURN(std::vector<double> plain, Measure(directory, clock, random, Durable::kNo));
  auto durable = Measure(directory, clock, random, Durable::kByWrite);
  const bool direct =
      !absl::IsUnimplemented(durable.status()) && !absl::IsInvalidArgument(durable.status());
  if (!direct) durable = Measure(directory, clock, random, Durable::kBySync);
  DR_RETURN_IF_ERROR(durable.status());
  return WriteCost{.direct = direct,
                   .durable_us = (*durable)[kWrites / 2],
                   .durable_us_max = durable->back(),
                   .plain_us = plain[kWrites / 2]};
}

}  // namespace dr::inline v0
