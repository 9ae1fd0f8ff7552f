// WordNet as data: what the agent of this demo learns.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace demo {

/// Part of speech (1 noun, 2 verb, 3 adjective, 4 adverb) followed by the eight digits of the
/// offset in its file: 100001740 is the noun "entity".
using SynsetId = std::uint32_t;

/// "source symbol target": 100001930 @ 100001740, physical entity is a kind of entity.
struct Relation {
  std::string symbol = {};
  SynsetId target = 0;
  std::uint32_t words = 0;  ///< which words of source and target are meant, 0 for all of them
  friend bool operator==(const Relation&, const Relation&) = default;
};

/// One meaning and the words that have it.
struct Synset {
  SynsetId id = 0;
  std::string words = {};  ///< with commas between them
  std::string gloss = {};
  std::vector<Relation> relations = {};
};

/// All synsets in the order of the files data.noun, data.verb, data.adj and data.adv in
/// `directory`.
absl::StatusOr<std::vector<Synset>> LoadWordNet(const std::string& directory);

}  // namespace demo
