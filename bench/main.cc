// Measures dr beside its peers and beside the limit of the machine, in interleaved rounds.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "bench/writer.h"

namespace bench {
namespace {

struct Row {
  std::string name;
  std::size_t record_bytes;
  int threads;
};

const std::vector<Row>& Rows() {
  static const std::vector<Row> rows = {
      {"append/durable/100B/1", 100, 1},       {"append/durable/100B/4", 100, 4},
      {"append/durable/100B/16", 100, 16},     {"append/durable/1KiB/16", 1024, 16},
      {"append/durable/16KiB/1", 16384, 1},    {"append/durable/16KiB/16", 16384, 16}};
  return rows;
}

/// Records per second in one round; 0 if the contender failed.
double Measure(const Contender& contender, const Row& row, const std::string& base, double seconds) {
  std::string directory = base + "/dr-bench-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return 0;
  std::atomic<std::uint64_t> done = 0;
  std::atomic<bool> stop = false, failed = false;
  double elapsed = 0;
  {
    std::unique_ptr<Writer> writer = contender.open(directory);
    const std::string record(row.record_bytes, 'x');
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (int i = 0; i < row.threads; ++i) {
      threads.emplace_back([&] {
        std::uint64_t mine = 0;
        while (!stop && !failed) {
          if (!writer->Append(record)) failed = true;
          ++mine;
        }
        done += mine;
      });
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
    for (std::thread& thread : threads) thread.join();
    elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  std::filesystem::remove_all(directory);
  return failed ? 0 : static_cast<double>(done) / elapsed;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string Spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return fmt::format(R"({{"min": {:.0f}, "median": {:.0f}, "max": {:.0f}}})", values.front(),
                     Median(values), values.back());
}

/// One line of the table; returns the row as JSON.
std::string Run(const Row& row, int rounds, double seconds, const std::string& base) {
  std::vector<Contender> contenders = Peers();
  contenders.insert(contenders.begin(), {Dr(), Limit()});
  std::map<std::string, std::vector<double>> measured;
  for (int round = 0; round < rounds; ++round) {
    for (const Contender& contender : contenders) {
      measured[contender.name].push_back(Measure(contender, row, base, seconds));
    }
  }
  std::string best, peers;
  for (const Contender& peer : Peers()) {
    if (best.empty() || Median(measured[peer.name]) > Median(measured[best])) best = peer.name;
    peers += fmt::format(R"({}"{}": {})", peers.empty() ? "" : ", ", peer.name,
                         Spread(measured[peer.name]));
  }
  const double dr = Median(measured["dr"]);
  const double ratio = dr / Median(measured[best]), limit_ratio = dr / Median(measured["limit"]);
  fmt::print("{:26} {:>10.0f} {:>10.0f} {:20} {:>6.2f} {:>10.0f} {:>6.2f}\n", row.name, dr,
             Median(measured[best]), best, ratio, Median(measured["limit"]), limit_ratio);
  return fmt::format(
      R"({{"name": "{}", "unit": "records/s", "better": "higher", "dr": {}, "peers": {{{}}}, )"
      R"("best_peer": "{}", "ratio": {:.3f}, "limit": {}, "limit_ratio": {:.3f}}})",
      row.name, Spread(measured["dr"]), peers, best, ratio, Spread(measured["limit"]), limit_ratio);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  CLI::App app("Measures dr beside its peers and the limit of the machine; ratios above 1 favour dr.");
  std::string json, filter, directory = "/var/tmp";
  int rounds = 3;
  double seconds = 0.5;
  bool list = false;
  app.add_option("--json", json, "write the rows to this file as well");
  app.add_option("--rounds", rounds, "interleaved rounds; the median counts")->check(CLI::Range(1, 99));
  app.add_option("--seconds", seconds, "of each measurement")->check(CLI::Range(0.1, 60.0));
  app.add_option("--directory", directory, "on the device to measure");
  app.add_flag("--list", list, "name rows and peers with their settings, and end");
  app.add_option("filter", filter, "only rows whose name contains this");
  CLI11_PARSE(app, argc, argv);
  if (list) {
    for (const bench::Row& row : bench::Rows()) fmt::print("{}\n", row.name);
    for (const bench::Contender& peer : bench::Peers()) fmt::print("{}: {}\n", peer.name, peer.settings);
    fmt::print("limit: {}\n", bench::Limit().settings);
    return 0;
  }
  fmt::print("{:26} {:>10} {:>10} {:20} {:>6} {:>10} {:>6}\n", "row", "dr", "best peer", "", "ratio",
             "limit", "ratio");
  std::string rows;
  for (const bench::Row& row : bench::Rows()) {
    if (row.name.find(filter) == std::string::npos) continue;
    rows += (rows.empty() ? "" : ",\n  ") + bench::Run(row, rounds, seconds, directory);
  }
  if (json.empty()) return rows.empty() ? 2 : 0;
  std::ofstream out(json);
  out << fmt::format("{{\"machine\": \"{} cores\", \"rows\": [\n  {}\n]}}\n",
                     std::thread::hardware_concurrency(), rows);
  return out.good() ? 0 : 1;
}
