// A component becomes two. Each line goes to one of them, in one batch with the line that says that
// the old one has none any more. Two become one the same way.
//
//   split_component [DIRECTORY]
#include <filesystem>
#include <string>
#include <vector>

#include "dr/batch.h"
#include "dr/host.h"
#include "examples/lines_component.h"
#include "fmt/format.h"

namespace {

// Last year all contacts were one component.
absl::Status RunOldRelease(const std::string& directory) {
  Lines contacts("contacts");
  auto host = dr::Host::Open({.directory = directory, .components = {&contacts}}, {});
  if (!host.ok()) return host.status();
  for (const char* contact : {"person Ada", "company Bolts & Nuts", "person Grace"}) {
    if (absl::Status s = contacts.Add(contact); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status Split(Lines& contacts, Lines& people, Lines& companies) {
  const std::vector<std::string> lines = contacts.lines();
  if (lines.empty()) return absl::OkStatus();  // split by an earlier start
  std::vector<std::string> operations;
  for (const std::string& line : lines) operations.push_back(Lines::Adding(line));
  std::vector<dr::ComponentCommit> batch;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    batch.push_back({lines[i].starts_with("person ") ? &people : &companies, operations[i]});
  }
  const std::string give_up = Lines::GivingUpAll();
  batch.push_back({&contacts, give_up});
  return dr::CommitAll(batch).status();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "dr_split").string();
  // Refused where the split has been done: this release would know nothing of it.
  const absl::Status old = RunOldRelease(directory);
  if (!old.ok() && !absl::IsFailedPrecondition(old)) return dr::PrintError(old);

  Lines contacts("contacts"), people("people"), companies("companies");
  auto host =
      dr::Host::Open({.directory = directory, .components = {&contacts, &people, &companies}}, {});
  if (!host.ok()) return dr::PrintError(host.status());
  if (absl::Status s = Split(contacts, people, companies); !s.ok()) return dr::PrintError(s);
  for (const std::string& line : people.lines()) fmt::print("people: {}\n", line);
  for (const std::string& line : companies.lines()) fmt::print("companies: {}\n", line);
  if (!contacts.lines().empty() || people.lines().size() != 2 || companies.lines().size() != 1) {
    return 1;
  }
  return dr::PrintError((*host)->Shutdown());
}
