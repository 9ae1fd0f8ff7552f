// What was handed to a log. Each record names its predecessor, so whatever the log gives back must
// be one line of records that were written, from the first that is needed on.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "dr/log/segment.h"

namespace dr::test {

inline void Require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

/// Records have ids, which are never used twice, however often a Lsn is; 0 stands for the
/// beginning.
class WrittenLog {
 public:
  static constexpr std::size_t kPayloadBytesMax = 80 << 10;
  using Line = std::vector<std::uint64_t>;  ///< ids, in order

  /// `unit_end` is the last of the batch. Its id is next_id().
  void Add(std::uint64_t lsn, std::uint64_t parent, std::uint64_t unit_end) {
    written_.push_back({lsn, parent, unit_end});
  }
  std::uint64_t next_id() const { return written_.size(); }
  std::uint64_t lsn(std::uint64_t id) const { return written_[id].lsn; }

  static std::string Payload(std::uint64_t id, std::size_t size);
  std::uint64_t IdOf(const RecordView& record) const {
    const std::uint64_t id = std::strtoull(std::string(record.payload).c_str(), nullptr, 10);
    Require(id > 0 && id < written_.size(), "a record that was never written");
    Require(record.payload == Payload(id, record.payload.size()), "a record with another payload");
    Require(record.lsn.value == lsn(id), "a record in the place of another");
    return id;
  }
  void Judge(const Line& line, std::uint64_t needed_from) const {
    for (std::size_t i = 0; i < line.size(); ++i) {
      Require(i == 0 ? lsn(line[i]) == needed_from : written_[line[i]].parent == line[i - 1],
              "records that do not follow each other");
    }
    Require(line.empty() || written_[line.back()].unit_end == line.back(), "half a batch");
  }
  bool Holds(const Line& line, std::uint64_t needed_from, std::uint64_t id) const {
    if (lsn(id) < needed_from) return true;
    const std::uint64_t index = lsn(id) - needed_from;
    return index < line.size() && line[index] == id;
  }

 private:
  struct Written {
    std::uint64_t lsn, parent, unit_end;
  };
  std::vector<Written> written_ = {{}};
};

inline std::string WrittenLog::Payload(std::uint64_t id, std::size_t size) {
  static const std::string& pattern = *[] {
    auto* made = new std::string;
    while (made->size() < kPayloadBytesMax + 256) *made += fmt::format("{:x}", made->size());
    return made;
  }();
  std::string payload = fmt::format("{}:", id);
  if (payload.size() < size) payload.append(pattern, id % 256, size - payload.size());
  return payload;
}

}  // namespace dr::test
