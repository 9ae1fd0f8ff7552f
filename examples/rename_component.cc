// A component gets another id, over three releases of a program: what it had is in one of the two
// at any moment, whenever the program is killed.
//
//   rename_component [DIRECTORY]
#include <filesystem>
#include <string>
#include <vector>

#include "dr/batch.h"
#include "dr/host.h"
#include "examples/lines_component.h"
#include "fmt/format.h"

namespace {

// The old release: the component is called "notes".
absl::Status RunFirstRelease(const std::string& directory) {
  Lines notes("notes");
  auto host = dr::Host::Open({.directory = directory, .components = {&notes}}, {});
  if (!host.ok()) return host.status();
  if (absl::Status s = notes.Add("bolts are short"); !s.ok()) return s;
  return notes.Add("nuts are fine");  // not shut down: as if killed
}

// All of `from` becomes `to`'s, in one batch: after a crash it has happened or it has not.
absl::Status Move(Lines& from, Lines& to) {
  std::vector<std::string> operations;
  for (const std::string& line : from.lines()) operations.push_back(Lines::Adding(line));
  if (operations.empty()) return absl::OkStatus();  // moved by an earlier start
  std::vector<dr::ComponentCommit> batch;
  for (const std::string& operation : operations) batch.push_back({&to, operation});
  const std::string give_up = Lines::GivingUpAll();
  batch.push_back({&from, give_up});
  return dr::CommitAll(batch).status();
}

// The next one knows both ids, moves what it finds, and uses the new one alone.
absl::Status RunSecondRelease(const std::string& directory) {
  Lines notes("notes"), journal("journal");
  auto host = dr::Host::Open({.directory = directory, .components = {&notes, &journal}}, {});
  if (!host.ok()) return host.status();
  if (absl::Status s = Move(notes, journal); !s.ok()) return s;
  return journal.Add("the journal goes on");
}

// And the one after that has forgotten the old id.
absl::Status RunThirdRelease(const std::string& directory, std::size_t& lines) {
  Lines journal("journal");
  auto host = dr::Host::Open(
      {.directory = directory, .components = {&journal}, .recovery = {.retired = {"notes"}}}, {});
  if (!host.ok()) return host.status();
  for (const std::string& line : journal.lines()) fmt::print("journal: {}\n", line);
  lines = journal.lines().size();
  return (*host)->Shutdown();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "dr_rename").string();
  const absl::Status first = RunFirstRelease(directory);
  if (absl::IsFailedPrecondition(first)) {
    fmt::print("the first release refuses a journal: {}\n", dr::AsStd(first.message()));
  } else if (!first.ok()) {
    return dr::PrintError(first);
  }
  if (absl::Status s = RunSecondRelease(directory); !s.ok()) return dr::PrintError(s);
  std::size_t lines = 0;
  if (absl::Status s = RunThirdRelease(directory, lines); !s.ok()) return dr::PrintError(s);
  return lines >= 3 ? 0 : 1;
}
