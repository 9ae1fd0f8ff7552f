// The semantic memory: meanings and typed relations between them, tens of megabytes.
//
// It shows what a large component does so that checkpoints hardly stop its writers: FreezeState
// hands out a snapshot that costs microseconds and is streamed while the agents go on learning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "examples/dr_demo/fields.h"
#include "examples/dr_demo/snapshot_map.h"
#include "examples/dr_demo/tracked_component.h"
#include "examples/dr_demo/wordnet.h"

namespace demo {

class GraphMemory final : public TrackedComponent {
 public:
  GraphMemory() : TrackedComponent("graph", {.name = "graph", .version = 1}) {}

  /// The operations, ready to be committed. Learning again what is known makes it stronger.
  static std::string Learn(std::uint32_t agent, const Synset& synset);
  static std::string Relate(std::uint32_t agent, const Synset& source, std::size_t relation);

  /// From a meaning to what it is a kind of, and so on up: "dog", "canine", …, "entity".
  std::vector<std::string> Ancestry(SynsetId id) const;
  std::size_t size() const;

  /// What the state is written as, and the digest summed over.
  static std::string MeaningRecord(SynsetId id, std::uint32_t strength, std::string_view words,
                                   std::string_view gloss);
  static std::string RelationRecord(SynsetId source, std::size_t number, std::string_view symbol,
                                    SynsetId target, std::uint32_t words, std::uint32_t strength);

 private:
  struct Edge {
    Relation relation = {};
    std::uint32_t strength = 0;
  };
  struct Meaning {
    std::uint32_t strength = 0;
    std::string words = {}, gloss = {};
    std::vector<Edge> edges = {};

    std::string Record(SynsetId id) const;
    std::string Record(SynsetId id, std::size_t edge) const;
  };
  using Meanings = SnapshotMap<Meaning>;

  absl::Status Apply(const dr::Operation& operation) override;
  absl::Status SaveState(dr::StateWriter& out) const override;
  absl::Status LoadState(dr::StateReader& in) override;
  dr::FrozenState FreezeState() const override;

  static Relation TakeRelation(Fields& fields);
  absl::Status Load(std::string_view record);
  /// `meanings` is the map or a view of it.
  template <class Map>
  static absl::Status Write(const Map& meanings, const History& history, dr::StateWriter& out);

  Meanings meanings_;
};

}  // namespace demo
