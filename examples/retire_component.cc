// A component goes: its state is refused until somebody says that it is meant to be given up, the
// observer is told of it, and a checkpoint later nothing is left.
//
//   retire_component [DIRECTORY]
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "dr/host.h"
#include "examples/lines_component.h"
#include "fmt/format.h"

namespace {

struct Printer final : dr::Observer {
  void OnEvent(const dr::Event& event) noexcept override {
    if (event.kind != dr::EventKind::kComponentRetired) return;
    fmt::print("{}: {}\n", dr::NameOf(event.kind), event.text);
    ++retired;
  }
  int retired = 0;
};

absl::Status RunOldRelease(const std::string& directory) {
  Lines orders("orders"), hints("hints");
  auto host = dr::Host::Open({.directory = directory, .components = {&orders, &hints}}, {});
  if (!host.ok()) return host.status();
  if (absl::Status s = orders.Add("ten bolts"); !s.ok()) return s;
  return hints.Add("buy nuts too");  // not shut down: as if killed
}

// Today's program has no hints. `given_up` counts what it was told of.
absl::Status RunNewRelease(const std::string& directory, std::vector<std::string> retired,
                           int& given_up) {
  Printer printer;
  Lines orders("orders");
  auto host = dr::Host::Open({.directory = directory,
                              .components = {&orders},
                              .recovery = {.retired = std::move(retired)},
                              .environment = {.observer = &printer}},
                             {});
  given_up = printer.retired;
  if (!host.ok()) return host.status();
  if (absl::Status s = orders.Add("one more bolt"); !s.ok()) return s;
  return (*host)->Shutdown();  // with a checkpoint, which is without the hints
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "dr_retire").string();
  if (absl::Status s = RunOldRelease(directory); !s.ok()) return dr::PrintError(s);

  int given_up = 0;
  const absl::Status refused = RunNewRelease(directory, {}, given_up);
  fmt::print("without a word: {}\n", dr::AsStd(refused.message()));
  if (!absl::IsFailedPrecondition(refused)) return 1;

  if (absl::Status s = RunNewRelease(directory, {"hints"}, given_up); !s.ok()) {
    return dr::PrintError(s);
  }
  if (given_up != 1) return 1;
  if (absl::Status s = RunNewRelease(directory, {}, given_up); !s.ok()) return dr::PrintError(s);
  return given_up == 0 ? 0 : 1;
}
