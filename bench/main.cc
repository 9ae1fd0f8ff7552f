// dr_bench: dr's figures beside those of its peers and of the machine.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "bench/place.h"
#include "bench/report.h"
#include "bench/row.h"
#include "bench/silent_loss.h"
#include "dr/status.h"
#include "fmt/format.h"

namespace {

struct Options {
  std::string json = {}, directory = "/var/tmp", filter = {};
  int rounds = 5, silent_loss = 0;
  bench::Effort effort = {};
  bool list = false;
};

// A whole name means that row alone, though it may begin others.
std::vector<bench::Row> Selected(std::string_view filter) {
  std::vector<bench::Row> rows = bench::AllRows();
  const bool exact = std::ranges::any_of(rows, [&](const auto& row) { return row.name == filter; });
  std::erase_if(rows, [&](const bench::Row& row) {
    return exact ? row.name != filter : row.name.find(filter) == std::string::npos;
  });
  return rows;
}

int Run(const Options& options) {
  bench::Place::CatchSignals();
  absl::StatusOr<bench::Place> place = bench::Place::Create(options.directory, options.effort);
  if (!place.ok()) return dr::PrintError(place.status());
  if (options.silent_loss > 0) {
    return dr::PrintError(bench::PrintSilentLoss(*place, options.silent_loss));
  }
  const auto machine = bench::DescribeMachine(options.directory);
  for (const auto& [name, value] : machine) fmt::print("{} {}; ", name, value);
  fmt::print("\n{}", bench::TableHeader());
  std::fflush(stdout);

  std::vector<bench::Row> rows = Selected(options.filter);
  if (rows.empty()) {
    fmt::print(stderr, "dr_bench: no row's name contains {}; --list names them\n", options.filter);
    return 2;
  }
  int failures = 0;
  std::vector<std::pair<bench::Row, bench::Result>> results;
  for (bench::Row& row : rows) {
    absl::StatusOr<bench::Result> result = bench::RunRow(row, *place, options.rounds);
    place->Clear();
    if (absl::IsCancelled(result.status())) return dr::PrintError(result.status());
    if (!result.ok()) {
      ++failures;
      fmt::print("{:<34} failed: {}\n", row.name, dr::AsStd(result.status().message()));
    } else {
      fmt::print("{}", bench::TableLine(row, *result));
      results.emplace_back(std::move(row), *std::move(result));
    }
    std::fflush(stdout);
  }
  fmt::print("{}", bench::PeerSettings());
  if (!options.json.empty()) {
    std::ofstream file(options.json);
    file << bench::Json(machine, results);
    if (!file.flush()) {
      fmt::print(stderr, "dr_bench: {} cannot be written\n", options.json);
      ++failures;
    }
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Measures dr, its peers and a bare loop (the limit) in turn, and prints medians of the\n"
      "rounds, one row per line. A ratio above 1 means that dr is better; the goal stands behind\n"
      "it in brackets. Servers are started in a temporary directory, on unix sockets, and stopped\n"
      "at the end.");
  app.add_option("filter", options.filter,
                 "only the row of this name, or the rows whose names contain it");
  app.add_option("--json", options.json, "write everything to this file as well");
  app.add_option("--rounds", options.rounds, "of each row; rows of long rounds take fewer")
      ->check(CLI::Range(1, 99))
      ->capture_default_str();
  app.add_option("--seconds", options.effort.round_seconds,
                 "of one round of one contender, where that can be chosen")
      ->check(CLI::Range(0.01, 60.0))
      ->capture_default_str();
  app.add_option("--directory", options.directory, "work beneath it, on the disk to be measured")
      ->capture_default_str();
  app.add_option("--only", options.effort.only,
                 "dr and this peer or limit alone (dr: nobody else), e.g. beside a profiler");
  app.add_flag("--quick", options.effort.quick,
               "tiny sizes, to see that all works; the figures mean nothing");
  app.add_option(
         "--silent-loss", options.silent_loss,
         "instead: flip one bit of a killed store's log so many times, and count who notices")
      ->check(CLI::Range(1, 100'000));
  app.add_flag("--list", options.list,
               "print the rows of the filter, their goals, peers and the settings they run with");
  CLI11_PARSE(app, argc, argv);
  if (options.effort.quick) {
    options.rounds = 1;
    options.effort.round_seconds = 0.02;
  }
  if (options.list) {
    fmt::print("{}{}", bench::Goals(Selected(options.filter)), bench::PeerSettings());
    return 0;
  }
  return Run(options);
}
