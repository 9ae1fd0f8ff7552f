// What the rows say, for a person and for a program.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/row.h"

namespace bench {

/// Name and value of what the figures depend on.
std::vector<std::pair<std::string, std::string>> DescribeMachine(const std::string& directory);

std::string TableHeader();
/// One line, and a line for every note.
std::string TableLine(const Row& row, const Result& result);
/// Rows with their goals.
std::string Goals(const std::vector<Row>& rows);
std::string PeerSettings();

std::string Json(const std::vector<std::pair<std::string, std::string>>& machine,
                 const std::vector<std::pair<Row, Result>>& results);

}  // namespace bench
