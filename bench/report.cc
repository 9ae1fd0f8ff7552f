#include "bench/report.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>
#include <ctime>
#include <fstream>
#include <iterator>

#include "bench/peers/peer.h"
#include "dr/environment/file_system.h"
#include "fmt/format.h"

namespace bench {
namespace {

std::string Figure(double value) {
  const double size = std::fabs(value);
  if (size >= 9.995e6) return fmt::format("{:.1f} M", value / 1e6);
  if (size >= 9.995e5) return fmt::format("{:.2f} M", value / 1e6);
  if (size >= 9.995e3) return fmt::format("{:.1f} k", value / 1e3);
  if (size >= 99.95) return fmt::format("{:.0f}", value);
  return fmt::format("{:.3g}", value);
}

std::string Against(double ratio, double goal) {
  if (ratio == 0) return "-";
  if (goal == 0) return fmt::format("{:.2f}", ratio);
  return fmt::format("{:.2f} ({:.2g})", ratio, goal);
}

// A row is reached when dr comes up to the goal against the best peer, or to its share of the limit
// where a peer leaves no room for that.
std::string Verdict(const Row& row, const Result& result) {
  const Goal& goal = row.goal;
  if (goal.peer > 0 && result.best_peer.empty()) return "";
  bool reached = goal.peer == 0 || result.ratio >= goal.peer ||
                 (goal.limit > 0 && result.limit_ratio >= goal.limit);
  if (goal.peer == 0 && goal.limit > 0) reached = result.limit_ratio >= goal.limit;
  if (goal.value > 0) {
    reached = row.better == Better::kHigher ? result.dr.median >= goal.value
                                            : result.dr.median <= goal.value;
  }
  if (goal.p99_ns > 0 && result.dr.p99_ns > goal.p99_ns) reached = false;
  return reached ? "reached" : "short";
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return quoted + '"';
}

std::string Json(const Summary& summary) {
  std::string text = fmt::format("{{\"min\": {:.6g}, \"median\": {:.6g}, \"max\": {:.6g}",
                                 summary.min, summary.median, summary.max);
  if (summary.p99_ns > 0) text += fmt::format(", \"p99_ns\": {:.6g}", summary.p99_ns);
  return text + "}";
}

std::string Json(const Row& row, const Result& result) {
  std::vector<std::string> peers;
  for (const auto& [name, summary] : result.peers) {
    peers.push_back(fmt::format("{}: {}", Quoted(name), Json(summary)));
  }
  return fmt::format(
      "{{\"name\": {}, \"unit\": {}, \"better\": \"{}\", \"dr\": {}, \"peers\": {{{}}}, "
      "\"best_peer\": {}, \"ratio\": {}, \"ratio_quartiles\": {}, \"limit\": {}, \"limit_ratio\": "
      "{}}}",
      Quoted(row.name), Quoted(row.unit), row.better == Better::kHigher ? "higher" : "lower",
      Json(result.dr), fmt::join(peers, ", "),
      result.best_peer.empty() ? "null" : Quoted(result.best_peer),
      result.best_peer.empty() ? "null" : fmt::format("{:.4g}", result.ratio),
      result.best_peer.empty() ? "null"
                               : fmt::format("[{:.4g}, {:.4g}]", result.ratio_quartiles.first,
                                             result.ratio_quartiles.second),
      result.limit ? Json(*result.limit) : "null",
      result.limit ? fmt::format("{:.4g}", result.limit_ratio) : "null");
}

std::string LineOf(const std::string& file, std::string_view start) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(start)) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

template <typename T>
void ListPeers(std::string_view what, const std::vector<T>& peers, std::string& text) {
  for (const T& peer : peers)
    text += fmt::format("  {:<10} {:<27} {}\n", what, peer.name, peer.settings);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> DescribeMachine(const std::string& directory) {
  utsname kernel{};
  uname(&kernel);
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                        static_cast<double>(sysconf(_SC_PAGE_SIZE)) / (1 << 30);
  std::string volume = "unknown";
  dr::PosixFileSystem files;
  if (auto opened = files.OpenDirectory(directory, dr::Create::kNever); opened.ok()) {
    if (auto info = (*opened)->Volume(); info.ok()) volume = info->type;
  }
  char date[32];
  const std::time_t now = std::time(nullptr);
  std::strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", std::gmtime(&now));
  return {{"cpu", LineOf("/proc/cpuinfo", "model name")},
          {"cores", std::to_string(sysconf(_SC_NPROCESSORS_ONLN))},
          {"memory", fmt::format("{:.0f} GiB", memory)},
          {"kernel", kernel.release},
          {"file_system", volume},
          {"date", date}};
}

std::string TableHeader() {
  return fmt::format("{:<34} {:>10} {:<10} {:>10} {:<26} {:>12} {:>10} {:>13}\n", "row", "dr",
                     "unit", "best peer", "", "ratio (goal)", "limit", "ratio (goal)");
}

std::string TableLine(const Row& row, const Result& result) {
  double best = 0;
  for (const auto& [name, summary] : result.peers) {
    if (name == result.best_peer) best = summary.median;
  }
  std::string line =
      fmt::format("{:<34} {:>10} {:<10} {:>10} {:<26} {:>12} {:>10} {:>13}  {}", row.name,
                  Figure(result.dr.median), row.unit, result.best_peer.empty() ? "-" : Figure(best),
                  result.best_peer, Against(result.ratio, row.goal.peer),
                  result.limit ? Figure(result.limit->median) : "-",
                  Against(result.limit_ratio, row.goal.limit), Verdict(row, result));
  if (row.slices > 1 && !result.best_peer.empty()) {
    line += fmt::format(", half of the rounds {:.2f} to {:.2f}", result.ratio_quartiles.first,
                        result.ratio_quartiles.second);
  }
  if (row.goal.value > 0) line += fmt::format(", goal {:.4g} {}", row.goal.value, row.unit);
  if (result.dr.p99_ns > 0) line += fmt::format(", p99 {:.0f} ns", result.dr.p99_ns);
  if (row.goal.p99_ns > 0) line += fmt::format(" (goal {:.0f})", row.goal.p99_ns);
  line += '\n';
  for (const std::string& note : result.notes) line += fmt::format("    {}\n", note);
  return line;
}

std::string Goals(const std::vector<Row>& rows) {
  std::string text = "rows, with the goals against the best peer and against the limit\n";
  for (const Row& row : rows) {
    text += fmt::format("  {:<34} {:<14} {:.3g} / {:.3g}\n", row.name, row.unit, row.goal.peer,
                        row.goal.limit);
  }
  return text;
}

std::string PeerSettings() {
  const Peers& peers = AllPeers();
  std::string text = "peers and their settings\n";
  ListPeers("append", peers.logs, text);
  ListPeers("buffered", peers.buffered, text);
  ListPeers("replay", peers.replays, text);
  ListPeers("recover", peers.recoveries, text);
  ListPeers("checkpoint", peers.states, text);
  ListPeers("adapter", peers.thin, text);
  return text;
}

std::string Json(const std::vector<std::pair<std::string, std::string>>& machine,
                 const std::vector<std::pair<Row, Result>>& results) {
  std::vector<std::string> properties, rows;
  for (const auto& [name, value] : machine) {
    properties.push_back(fmt::format("{}: {}", Quoted(name), Quoted(value)));
  }
  for (const auto& [row, result] : results) rows.push_back(Json(row, result));
  return fmt::format("{{\"machine\": {{{}}},\n \"rows\": [\n  {}\n]}}\n",
                     fmt::join(properties, ", "), fmt::join(rows, ",\n  "));
}

}  // namespace bench
