// Records that were written come back: the input makes the choices of a writer, what is in each
// record and where groups and segments end.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/format/segments.h"

using namespace dr::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::uint8_t* const end = data + std::min<std::size_t>(size, 4096);
  const auto next = [&]() -> std::uint64_t { return data == end ? 0 : *data++; };
  const auto text = [&](std::uint64_t length) {
    return std::string(length, static_cast<char>(next()));
  };
  GroupWriter log({.first_lsn = {1}}, 2 * dr::kGroupHeaderBytes + next());
  std::vector<std::string> segments, expected;
  std::int64_t time = 0;
  std::uint64_t lsn = 0;
  while (data != end) {
    ++lsn;
    time += static_cast<std::int64_t>(next() << next() % 50);
    const std::string component = text(1 + next() % 128), schema = text(1 + next() % 128);
    const std::string subject = text(next() % 129), payload = text(next() * next() % 3000);
    const dr::RecordView record{.lsn = {lsn},
                                .kind = static_cast<dr::OperationKind>(next() % 6),
                                .batch_continues = next() % 2 == 0,
                                .component = component,
                                .schema_name = schema,
                                .schema_version = static_cast<std::uint32_t>(next() << next() % 32),
                                .subject = subject,
                                .time_ns = time,
                                .payload = payload};
    expected.push_back(Describe(record));
    if (next() % 4 == 0) log.EndGroup();
    const bool whole = log.AddPart(record);
    if (next() % 8 == 0) segments.push_back(log.NextSegment(next()));
    if (whole) continue;
    log.EndGroup();
    log.Add(record);
  }
  segments.push_back(log.Finish());
  const auto lines = ReadLog(segments);
  if (!lines.ok()) std::abort();
  std::size_t found = 0;
  for (const std::string& line : *lines) {
    if (line.starts_with("record ") && line != expected.at(found++)) std::abort();
  }
  if (found != expected.size()) std::abort();
  return 0;
}
