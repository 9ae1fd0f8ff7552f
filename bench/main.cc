// dr_bench: dr's figures beside those of its peers and of the machine.

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/place.h"
#include "bench/report.h"
#include "bench/row.h"
#include "dr/status.h"
#include "fmt/format.h"

namespace {

constexpr std::string_view kHelp = R"(usage: dr_bench [--json FILE] [--rounds N] [--seconds S] [--directory DIR] [--only NAME] [--list] [FILTER]

Measures dr, its peers and a bare loop (the limit) in turn, and prints medians of the rounds, one row per line.
A ratio above 1 means that dr is better; the goal stands behind it in brackets.
  FILTER           only the row of this name, or the rows whose names contain it
  --json FILE      write everything to FILE as well
  --rounds N       rounds of each row (default 5); rows of long rounds take fewer
  --seconds S      length of one round of one contender where that can be chosen (default 0.4)
  --directory DIR  work beneath DIR (default /var/tmp), which should be on the disk to be measured
  --only NAME      dr and this peer or limit alone (dr: nobody else), e.g. beside a profiler
  --list           print rows, goals, peers and the settings they run with
Servers are started in a temporary directory, on unix sockets, and stopped at the end.
)";

struct Options {
  std::string json = {}, directory = "/var/tmp", filter = {}, only = {};
  int rounds = 5;
  double seconds = 0.4;
  bool help = false, list = false;
};

template <typename T>
bool Parse(std::string_view text, T& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0;
}

std::optional<Options> ParseOptions(const std::vector<std::string_view>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--help") {
      options.help = true;
    } else if (name == "--list") {
      options.list = true;
    } else if (!name.starts_with("--")) {
      options.filter = name;
    } else if (++i == arguments.size()) {
      return std::nullopt;
    } else if (name == "--json") {
      options.json = arguments[i];
    } else if (name == "--only") {
      options.only = arguments[i];
    } else if (name == "--directory") {
      options.directory = arguments[i];
    } else if (name == "--rounds" ? !Parse(arguments[i], options.rounds)
                                  : name != "--seconds" || !Parse(arguments[i], options.seconds)) {
      return std::nullopt;
    }
  }
  return options;
}

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
  absl::StatusOr<bench::Place> place = bench::Place::Create(options.directory, options.seconds);
  if (!place.ok()) return dr::PrintError(place.status());
  const auto machine = bench::DescribeMachine(options.directory);
  for (const auto& [name, value] : machine) fmt::print("{} {}; ", name, value);
  fmt::print("\n{}", bench::TableHeader());
  std::fflush(stdout);

  int failures = 0;
  std::vector<std::pair<bench::Row, bench::Result>> results;
  for (bench::Row& row : Selected(options.filter)) {
    absl::StatusOr<bench::Result> result = bench::RunRow(row, *place, options.rounds, options.only);
    place->Clear();
    if (absl::IsCancelled(result.status())) return dr::PrintError(result.status());
    if (!result.ok()) {
      ++failures;
      fmt::print("{:<24} failed: {}\n", row.name, dr::AsStd(result.status().message()));
    } else {
      fmt::print("{}", bench::TableLine(row, *result));
      results.emplace_back(std::move(row), *std::move(result));
    }
    std::fflush(stdout);
  }
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
  const std::optional<Options> options = ParseOptions({argv + 1, argv + argc});
  if (!options) {
    fmt::print(stderr, "{}", kHelp);
    return 2;
  }
  if (options->help || options->list) {
    fmt::print("{}", options->help ? std::string(kHelp) : bench::Listing(bench::AllRows()));
    return 0;
  }
  return Run(*options);
}
