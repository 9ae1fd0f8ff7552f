#include "bench/row.h"

#include <algorithm>
#include <span>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

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

std::pair<double, double> Quartiles(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 4], values[values.size() - 1 - values.size() / 4]};
}

struct Track {
  Contender contender;
  std::vector<Measurement> measured = {};
};

std::vector<Track> Tracks(Field& field, const Place& place) {
  std::vector<Track> tracks;
  tracks.push_back({{"dr", std::move(field.dr)}});
  for (Contender& peer : field.peers) {
    if (place.TakesPart(peer.name)) tracks.push_back({std::move(peer)});
  }
  if (field.limit != nullptr && place.TakesPart("limit")) {
    tracks.push_back({{"limit", std::move(field.limit)}});
  }
  return tracks;
}

// The first round is for warming up.
absl::Status RunRounds(std::vector<Track>& tracks, int rounds) {
  for (int round = 0; round <= rounds; ++round) {
    for (std::size_t turn = 0; turn < tracks.size(); ++turn) {
      Track& track = tracks[round % 2 == 0 ? turn : tracks.size() - 1 - turn];
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

double Ratio(Better better, double dr, double other) {
  return better == Better::kHigher ? dr / other : other / dr;
}

std::pair<double, double> QuartilesOfRatios(Better better, const Track& dr, const Track& other) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < dr.measured.size(); ++i) {
    ratios.push_back(Ratio(better, dr.measured[i].value, other.measured[i].value));
  }
  return Quartiles(std::move(ratios));
}

}  // namespace

void Field::LeaveOut(const std::string& peer, const absl::Status& why) {
  notes.push_back(fmt::format("{} did not take part: {}", peer, dr::AsStd(why.message())));
}

absl::StatusOr<Result> RunRow(const Row& row, Place& place, int rounds) {
  DR_ASSIGN_OR_RETURN(Field field, row.prepare(place));
  std::vector<Track> tracks = Tracks(field, place);
  DR_RETURN_IF_ERROR(RunRounds(tracks, std::min(rounds, row.rounds_max) * row.slices));

  Result result{.dr = Summarize(tracks.front().measured), .notes = std::move(field.notes)};
  for (const Track& track : std::span(tracks).subspan(1)) {
    const Summary summary = Summarize(track.measured);
    const double ratio = Ratio(row.better, result.dr.median, summary.median);
    if (track.contender.name == "limit") {
      result.limit = summary;
      result.limit_ratio = ratio;
      continue;
    }
    result.peers.emplace_back(track.contender.name, summary);
    if (track.contender.comparable && (result.best_peer.empty() || ratio < result.ratio)) {
      result.best_peer = track.contender.name;
      result.ratio = ratio;
      result.ratio_quartiles = QuartilesOfRatios(row.better, tracks.front(), track);
    }
  }
  return result;
}

std::vector<Row> AllRows() {
  std::vector<Row> all;
  for (auto rows :
       {AppendRows, ReplayRows, RecoverRows, OperationLogRows, CheckpointRows, AdapterRows}) {
    std::ranges::move(rows(), std::back_inserter(all));
  }
  return all;
}

}  // namespace bench
