#include "bench/row.h"

#include <algorithm>
#include <span>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace bench {
namespace {

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Summary Summarize(const std::vector<Measurement>& rounds) {
  std::vector<double> values, p99;
  for (const Measurement& round : rounds) {
    values.push_back(round.value);
    p99.push_back(round.p99_ns);
  }
  return {.min = *std::min_element(values.begin(), values.end()),
          .median = Median(values),
          .max = *std::max_element(values.begin(), values.end()),
          .p99_ns = Median(p99)};
}

struct Track {
  std::string name;
  Round round;
  bool does_the_same = true;
  std::vector<Measurement> measured = {};
};

}  // namespace

absl::StatusOr<Result> RunRow(const Row& row, Place& place, int rounds, std::string_view only) {
  DR_ASSIGN_OR_RETURN(Field field, row.prepare(place));
  std::vector<Track> tracks;
  tracks.push_back({"dr", std::move(field.dr)});
  for (Contender& peer : field.peers) {
    tracks.push_back({peer.name, std::move(peer.round), peer.does_the_same});
  }
  if (field.limit != nullptr) tracks.push_back({"limit", std::move(field.limit)});

  if (!only.empty()) {
    std::erase_if(tracks, [&](const Track& t) { return t.name != "dr" && t.name != only; });
  }

  for (int round = -1; round < std::min(rounds, row.rounds_max); ++round) {
    for (Track& track : tracks) {
      if (Place::stopping()) return absl::CancelledError("the bench was told to stop");
      absl::StatusOr<Measurement> measured = track.round();
      if (!measured.ok()) {
        return absl::Status(measured.status().code(),
                            fmt::format("{}: {}", track.name,
                                        dr::AsStd(measured.status().message())));
      }
      if (round >= 0) track.measured.push_back(*measured);  // the first is for warming up
    }
  }

  Result result{.dr = Summarize(tracks.front().measured), .notes = std::move(field.notes)};
  const bool higher = row.better == Better::kHigher;
  const auto ratio = [&](const Summary& other) {
    return higher ? result.dr.median / other.median : other.median / result.dr.median;
  };
  for (const Track& track : std::span(tracks).subspan(1)) {
    const Summary summary = Summarize(track.measured);
    if (track.name == "limit") {
      result.limit = summary;
      result.limit_ratio = ratio(summary);
      continue;
    }
    if (track.does_the_same && (result.best_peer.empty() || ratio(summary) < result.ratio)) {
      result.best_peer = track.name;
      result.ratio = ratio(summary);
    }
    result.peers.emplace_back(track.name, summary);
  }
  return result;
}

std::vector<Row> AllRows() {
  std::vector<Row> all;
  for (auto rows : {AppendRows, ReplayRows, RecoverRows, OperationLogRows, CheckpointRows}) {
    std::ranges::move(rows(), std::back_inserter(all));
  }
  return all;
}

}  // namespace bench
