#include "examples/dr_demo/history.h"

#include <iterator>

#include "examples/dr_demo/fields.h"
#include "fmt/format.h"

namespace demo {

std::string History::Encode() const {
  std::string record = "history";
  for (const Line& line : lines_) {
    fmt::format_to(std::back_inserter(record), "\t{}\t{}", line.operations, line.chain);
  }
  return record;
}

bool History::Decode(std::string_view record) {
  Fields fields(record);
  if (fields.Text() != "history") return false;
  for (Line& line : lines_) {
    line.operations = fields.Take<std::uint64_t>();
    line.chain = fields.Take<std::uint64_t>();
  }
  return fields.complete();
}

}  // namespace demo
