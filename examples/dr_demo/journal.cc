#include "examples/dr_demo/journal.h"

#include <optional>
#include <utility>

#include "examples/dr_demo/fields.h"
#include "fmt/format.h"

namespace demo {

std::string Journal::Note(std::uint32_t agent, std::uint64_t step, std::string_view text) {
  return fmt::format("{}\t{}\t{}", agent, step, text);
}

void Journal::Add(std::string_view line) {
  if (lines_ % kBlockLines == 0) blocks_.push_back(std::make_shared<std::string[]>(kBlockLines));
  blocks_.back()[lines_++ % kBlockLines] = line;
  content_ += dr::DigestOf(line);
}

absl::Status Journal::Apply(const dr::Operation& operation) {
  Fields fields(operation.payload);
  const auto agent = fields.Take<std::uint32_t>();
  fields.Take<std::uint64_t>();
  fields.Text();
  if (!fields.complete() || !history_.Add(agent, operation.payload)) {
    return absl::InternalError("not an operation of the journal");
  }
  Add(operation.payload);
  return absl::OkStatus();
}

absl::Status Journal::SaveState(dr::StateWriter& out) const { return FreezeState()(out); }

dr::FrozenState Journal::FreezeState() const {
  return [blocks = blocks_, lines = lines_, history = history_](dr::StateWriter& out) {
    absl::Status status = out.Write(history.Encode());
    for (std::size_t i = 0; i < lines && status.ok(); ++i) {
      status = out.Write(blocks[i / kBlockLines][i % kBlockLines]);
    }
    return status;
  };
}

absl::Status Journal::LoadState(dr::StateReader& in) {
  blocks_.clear();
  lines_ = 0;
  history_ = {};
  content_ = {};
  while (true) {
    absl::StatusOr<std::optional<std::string_view>> record = in.Next();
    if (!record.ok()) return record.status();
    if (!record->has_value()) return absl::OkStatus();
    if (!history_.Decode(**record)) Add(**record);
  }
}

std::size_t Journal::size() const {
  dr::ReaderLock lock(state_mutex());
  return lines_;
}

}  // namespace demo
