#include "examples/dr_demo/figures.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "fmt/format.h"

namespace demo {

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

std::string ToLine(const Figures& f) {
  return fmt::format(
      "operations={} acknowledged={} lost={} kills={} recover_ms_p50={:.1f} recover_ms_max={:.1f} "
      "checkpoint_pause_us_p99={:.1f}",
      f.operations, f.acknowledged, f.lost, f.kills, Quantile(f.recover_ms, 0.5),
      Quantile(f.recover_ms, 1), Quantile(f.pause_us, 0.99));
}

std::string ToJson(const Figures& f) {
  return fmt::format(
      R"({{"operations": {}, "acknowledged": {}, "lost": {}, "kills": {}, )"
      R"("recover_ms_p50": {:.1f}, "recover_ms_max": {:.1f}, "checkpoint_pause_us_p99": {:.1f}}})",
      f.operations, f.acknowledged, f.lost, f.kills, Quantile(f.recover_ms, 0.5),
      Quantile(f.recover_ms, 1), Quantile(f.pause_us, 0.99));
}

namespace {
double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
}  // namespace

Progress::Progress(std::uint64_t total) : total_(total), on_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { Clear(); }

void Progress::Clear() {
  if (on_) fmt::print(stderr, "\r\033[K");
}

void Progress::Show(std::uint64_t done, std::string_view what) {
  if (!on_ || Seconds() - last_ < 0.1) return;
  last_ = Seconds();
  const double share = total_ == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total_);
  fmt::print(stderr, "\r\033[K{:3.0f} %  {} of {} operations  {}", share * 100, done, total_, what);
  std::fflush(stderr);
}

}  // namespace demo
