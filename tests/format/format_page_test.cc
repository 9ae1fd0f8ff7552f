// The worked example of FORMAT.md, made again.
#include <catch2/catch.hpp>
#include <cctype>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "dr/log/segment.h"
#include "tests/format/segments.h"

namespace dr::test {
namespace {

/// As `xxd -g 1` prints it.
std::string HexDump(std::string_view bytes) {
  std::string dump;
  for (std::size_t at = 0; at < bytes.size(); at += 16) {
    const std::string_view line = bytes.substr(at, 16);
    std::string hex, text;
    for (char c : line) {
      hex += fmt::format(" {:02x}", static_cast<unsigned char>(c));
      text += std::isprint(static_cast<unsigned char>(c)) != 0 ? c : '.';
    }
    dump += fmt::format("{:08x}:{:<48}  {}\n", at, hex, text);
  }
  return dump;
}

TEST_CASE("The worked example in FORMAT.md is what the writer writes") {
  SegmentWriter writer({.kind = SegmentKind::kState,
                        .log = {.high = 0x0123456789abcdef, .low = 0xfedcba9876543210},
                        .number = 1,
                        .salt = 0x5a17,
                        .epoch = {3},
                        .first_lsn = {1},
                        .durable_lsn = {41},
                        .created = absl::FromUnixSeconds(1'700'000'000)});
  REQUIRE(writer.Add({.component = "inventory", .schema_version = 1, .payload = "bolt=3"}).ok());
  REQUIRE(writer
              .Add({.batch_continues = false,
                    .component = "inventory",
                    .schema_name = "items",
                    .schema_version = 300,
                    .subject = "bob",
                    .time_ns = 200,
                    .payload = "nut=5"})
              .ok());
  const std::string dump = HexDump(std::move(writer).Finish());

  std::ifstream in(DR_SOURCE_DIR "/src/format/FORMAT.md");
  REQUIRE(in);
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  const std::string open = "```hex\n";
  const std::size_t start = page.find(open);
  REQUIRE(start != std::string::npos);
  const std::size_t from = start + open.size();
  CHECK(page.substr(from, page.find("```", from) - from) == dump);
}

}  // namespace
}  // namespace dr::test
