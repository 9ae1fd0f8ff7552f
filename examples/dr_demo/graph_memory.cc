#include "examples/dr_demo/graph_memory.h"

#include <iterator>
#include <optional>
#include <utility>

#include "examples/dr_demo/fields.h"
#include "fmt/format.h"

namespace demo {

std::string GraphMemory::Learn(std::uint32_t agent, const Synset& synset) {
  return fmt::format("{}\tlearn\t{}\t{}\t{}", agent, synset.id, synset.words, synset.gloss);
}

std::string GraphMemory::Relate(std::uint32_t agent, const Synset& source, std::size_t relation) {
  const Relation& r = source.relations[relation];
  return fmt::format("{}\trelate\t{}\t{}\t{}\t{}\t{}", agent, source.id, relation, r.symbol,
                     r.target, r.words);
}

Relation GraphMemory::TakeRelation(Fields& fields) {
  return {.symbol = std::string(fields.Text()),
          .target = fields.Take<SynsetId>(),
          .words = fields.Take<std::uint32_t>()};
}

std::string GraphMemory::MeaningRecord(SynsetId id, std::uint32_t strength, std::string_view words,
                                       std::string_view gloss) {
  return fmt::format("meaning\t{}\t{}\t{}\t{}", id, strength, words, gloss);
}

std::string GraphMemory::RelationRecord(SynsetId source, std::size_t number,
                                        std::string_view symbol, SynsetId target,
                                        std::uint32_t words, std::uint32_t strength) {
  return fmt::format("relation\t{}\t{}\t{}\t{}\t{}\t{}", source, number, symbol, target, words,
                     strength);
}

std::string GraphMemory::Meaning::Record(SynsetId id) const {
  return MeaningRecord(id, strength, words, gloss);
}

std::string GraphMemory::Meaning::Record(SynsetId id, std::size_t edge) const {
  const auto& [relation, weight] = edges[edge];
  return RelationRecord(id, edge, relation.symbol, relation.target, relation.words, weight);
}

absl::Status GraphMemory::Apply(const dr::Operation& operation) {
  Fields fields(operation.payload);
  const auto agent = fields.Take<std::uint32_t>();
  const std::string_view verb = fields.Text();
  const auto id = fields.Take<SynsetId>();
  Meaning& meaning = meanings_.At(id);
  if (verb == "learn") {
    if (meaning.strength > 0) content_ -= dr::DigestOf(meaning.Record(id));
    meaning.words = fields.Text();
    meaning.gloss = fields.Text();
    ++meaning.strength;
    content_ += dr::DigestOf(meaning.Record(id));
  } else if (verb == "relate") {
    const auto number = fields.Take<std::uint32_t>();
    if (number > meaning.edges.size()) return absl::InternalError("a relation before its turn");
    if (number == meaning.edges.size()) {
      meaning.edges.emplace_back();
    } else {
      content_ -= dr::DigestOf(meaning.Record(id, number));
    }
    Edge& edge = meaning.edges[number];
    edge.relation = TakeRelation(fields);
    ++edge.strength;
    content_ += dr::DigestOf(meaning.Record(id, number));
  }
  if (!fields.complete() || !history_.Add(agent, operation.payload)) {
    return absl::InternalError("not an operation of the graph");
  }
  return absl::OkStatus();
}

template <class Map>
absl::Status GraphMemory::Write(const Map& meanings, const History& history, dr::StateWriter& out) {
  absl::Status status = out.Write(history.Encode());
  meanings.ForEach([&](SynsetId id, const Meaning& meaning) {
    if (status.ok()) status = out.Write(meaning.Record(id));
    for (std::size_t edge = 0; edge < meaning.edges.size() && status.ok(); ++edge) {
      status = out.Write(meaning.Record(id, edge));
    }
  });
  return status;
}

absl::Status GraphMemory::SaveState(dr::StateWriter& out) const {
  return Write(meanings_, history_, out);
}

dr::FrozenState GraphMemory::FreezeState() const {
  return [meanings = meanings_.Freeze(), history = history_](dr::StateWriter& out) {
    return Write(meanings, history, out);
  };
}

absl::Status GraphMemory::LoadState(dr::StateReader& in) {
  meanings_ = {};
  history_ = {};
  content_ = {};
  while (true) {
    const absl::StatusOr<std::optional<std::string_view>> record = in.Next();
    if (!record.ok()) return record.status();
    if (!record->has_value()) return absl::OkStatus();
    if (absl::Status s = Load(**record); !s.ok()) return s;
  }
}

absl::Status GraphMemory::Load(std::string_view record) {
  if (history_.Decode(record)) return absl::OkStatus();
  Fields fields(record);
  const std::string_view kind = fields.Text();
  const auto id = fields.Take<SynsetId>();
  Meaning& meaning = meanings_.At(id);
  if (kind == "meaning") {
    meaning.strength = fields.Take<std::uint32_t>();
    meaning.words = fields.Text();
    meaning.gloss = fields.Text();
  } else {
    if (fields.Take<std::uint32_t>() != meaning.edges.size())
      return absl::InternalError("a relation before its turn");
    Edge& edge = meaning.edges.emplace_back();
    edge.relation = TakeRelation(fields);
    edge.strength = fields.Take<std::uint32_t>();
  }
  content_ += dr::DigestOf(record);
  return fields.complete() ? absl::OkStatus() : absl::InternalError("not a record of the graph");
}

std::vector<std::string> GraphMemory::Ancestry(SynsetId id) const {
  dr::ReaderLock lock(state_mutex());
  std::vector<std::string> names;
  const Meaning* meaning = meanings_.Find(id);
  while (meaning != nullptr && meaning->strength > 0 &&
         names.size() < 32) {  // data may hold a cycle
    names.push_back(meaning->words.substr(0, meaning->words.find(',')));
    const Meaning* broader = nullptr;
    for (const Edge& edge : meaning->edges) {
      if (edge.relation.symbol != "@") continue;
      broader = meanings_.Find(edge.relation.target);
      break;
    }
    meaning = broader;
  }
  return names;
}

std::size_t GraphMemory::size() const {
  dr::ReaderLock lock(state_mutex());
  return meanings_.size();
}

}  // namespace demo
