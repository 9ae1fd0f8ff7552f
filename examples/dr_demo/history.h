// What each agent did in one component: how many operations, and a hash over all of them in order.
//
// It is part of the component's state. After a crash it says where an agent goes on (its operations
// are numbered by their order, so none is done twice), and two histories are equal only if the same
// operations were applied, each once, in the same order per agent.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>

#include "dr/digest.h"

namespace demo {

/// Lines of work that go on side by side, each in its own order, whatever threads drive them.
inline constexpr std::uint32_t kAgents = 16;

using Positions = std::array<std::uint64_t, kAgents>;  ///< a count of operations for each agent

inline std::uint64_t Sum(const Positions& positions) {
  return std::accumulate(positions.begin(), positions.end(), std::uint64_t{0});
}

class History {
 public:
  struct Line {
    std::uint64_t operations = 0;
    std::uint64_t chain = 0;  ///< over the payloads so far
  };

  /// False if there is no such agent.
  bool Add(std::uint32_t agent, std::string_view payload) {
    if (agent >= kAgents) return false;
    Line& line = lines_[agent];
    ++line.operations;
    line.chain = Chained(line.chain, payload);
    return true;
  }
  Positions positions() const {
    Positions counts = {};
    for (std::uint32_t agent = 0; agent < kAgents; ++agent)
      counts[agent] = lines_[agent].operations;
    return counts;
  }
  dr::Digest digest() const { return dr::DigestOf(Encode()); }

  /// As one record of a component's state, and back.
  std::string Encode() const;
  bool Decode(std::string_view record);

  static std::uint64_t Chained(std::uint64_t chain, std::string_view payload) {
    const std::uint64_t link[] = {chain, dr::HashOf(payload)};
    return dr::HashOf({reinterpret_cast<const char*>(link), sizeof(link)});
  }

 private:
  std::array<Line, kAgents> lines_ = {};
};

}  // namespace demo
