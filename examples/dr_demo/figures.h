// What a run has shown, for people and for programs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace demo {

struct Figures {
  std::uint64_t operations = 0;  ///< in the state at the end
  std::uint64_t acknowledged =
      0;                   ///< of those, by a commit that returned or a recovery that found it
  std::uint64_t lost = 0;  ///< acknowledged and not there afterwards
  std::uint32_t kills = 0;
  std::vector<double> recover_ms = {};
  std::vector<double> pause_us = {};  ///< of writers, one for each checkpoint
};

/// The smallest value that at least `share` of `values` do not exceed; 0 of none.
double Quantile(std::vector<double> values, double share);

/// "operations=N acknowledged=N …", or the same as a JSON object.
std::string ToLine(const Figures& figures);
std::string ToJson(const Figures& figures);

/// One line on a terminal that is written over and over; nothing where there is no terminal.
class Progress {
 public:
  explicit Progress(std::uint64_t total);
  ~Progress();
  void Show(std::uint64_t done, std::string_view what);
  /// Makes room for another line.
  void Clear();

 private:
  const std::uint64_t total_;
  const bool on_;
  double last_ = 0;
};

}  // namespace demo
