// A row of the table: contenders do the same work in turn, and their medians are compared.
//
//   Row row{.name = "append/durable/100B/1", .unit = "records/s", .prepare = …};
//   absl::StatusOr<Result> result = RunRow(row, place, 5);
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/place.h"

namespace bench {

enum class Better { kHigher, kLower };

/// What one round of one contender showed.
struct Measurement {
  double value = 0;
  double p99_ns = 0;  ///< of single calls; 0 where a row does not look at them
};
using Round = std::function<absl::StatusOr<Measurement>()>;

struct Contender {
  std::string name;
  Round round;
  /// False: shown, but promises too little or too much to be the best peer.
  bool comparable = true;
};

/// Everybody who takes part, ready to run. What they hold open is released with it.
struct Field {
  Round dr;
  std::vector<Contender> peers = {};
  Round limit = nullptr;                ///< null: there is none
  std::vector<std::string> notes = {};  ///< who could not take part, and why

  void LeaveOut(const std::string& peer, const absl::Status& why);
};

/// Ratios to reach, larger is better; 0 where the row has no such goal.
struct Goal {
  double peer = 0, limit = 0;
  double value = 0;  ///< of dr itself, in the row's unit
  double p99_ns = 0;
};

struct Row {
  std::string name, unit;
  Better better = Better::kHigher;
  Goal goal = {};
  int rounds_max = 100;  ///< rows whose rounds are long take fewer
  int slices = 1;        ///< short rounds in the place of each: both sides share what disturbs them
  std::function<absl::StatusOr<Field>(Place& place)> prepare;
};

struct Summary {
  double min = 0, median = 0, max = 0;
  double p99_ns = 0;  ///< the median of the rounds'
};

struct Result {
  Summary dr;
  std::vector<std::pair<std::string, Summary>> peers = {};
  std::string best_peer = {};  ///< empty: none took part
  double ratio = 0;            ///< of the medians, to the best peer; larger is better for dr
  std::pair<double, double> ratio_quartiles = {};  ///< of the rounds' own ratios to it
  std::optional<Summary> limit = {};
  double limit_ratio = 0;
  std::vector<std::string> notes = {};
};

/// Prepares the field, lets everybody warm up, then runs `rounds` rounds of one after the other,
/// every second one in the opposite order, so that what disturbs the machine disturbs all.
/// kCancelled once the program was told to stop.
absl::StatusOr<Result> RunRow(const Row& row, Place& place, int rounds);

/// Everything there is, in the order of the table.
std::vector<Row> AllRows();

std::vector<Row> AppendRows();
std::vector<Row> ReplayRows();
std::vector<Row> RecoverRows();
std::vector<Row> OperationLogRows();
std::vector<Row> CheckpointRows();
std::vector<Row> AdapterRows();

}  // namespace bench
