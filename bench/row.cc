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
  Contender contender;
  std::vector<Measurement> measured = {};
};

std::vector<Track> Tracks(Field& field, std::string_view only) {
  std::vector<Track> tracks;
  tracks.push_back({{"dr", std::move(field.dr)}});
  for (Contender& peer : field.peers) tracks.push_back({std::move(peer)});
  if (field.limit != nullptr) tracks.push_back({{"limit", std::move(field.limit)}});
  if (only.empty()) return tracks;
  std::erase_if(tracks, [&](const Track& track) {
    return track.contender.name != "dr" && track.contender.name != only;
  });
  return tracks;
}

// The first round is for warming up.
absl::Status RunRounds(std::vector<Track>& tracks, int rounds) {
  for (int round = 0; round <= rounds; ++round) {
    for (Track& track : tracks) {
      if (Place::stopping()) return absl::CancelledError("the bench was told to stop");
      absl::StatusOr<Measurement> measured = track.contender.round();
      if (!measured.ok()) {
        return absl::Status(
            measured.status().code(),
            fmt::format("{}: {}", track.contender.name, dr::AsStd(measured.status().message())));
      }
      if (round > 0) track.measured.push_back(*measured);
    }
  }
  return absl::OkStatus();
}

}  // namespace

void Field::LeaveOut(const std::string& peer, const absl::Status& why) {
  notes.push_back(fmt::format("{} did not take part: {}", peer, dr::AsStd(why.message())));
}

absl::StatusOr<Result> RunRow(const Row& row, Place& place, int rounds, std::string_view only) {
  DR_ASSIGN_OR_RETURN(Field field, row.prepare(place));
  std::vector<Track> tracks = Tracks(field, only);
  DR_RETURN_IF_ERROR(RunRounds(tracks, std::min(rounds, row.rounds_max)));

  Result result{.dr = Summarize(tracks.front().measured), .notes = std::move(field.notes)};
  for (const Track& track : std::span(tracks).subspan(1)) {
    const Summary summary = Summarize(track.measured);
    const double ratio = row.better == Better::kHigher ? result.dr.median / summary.median
                                                       : summary.median / result.dr.median;
    if (track.contender.name == "limit") {
      result.limit = summary;
      result.limit_ratio = ratio;
      continue;
    }
    result.peers.emplace_back(track.contender.name, summary);
    if (track.contender.comparable && (result.best_peer.empty() || ratio < result.ratio)) {
      result.best_peer = track.contender.name;
      result.ratio = ratio;
    }
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
