// A host from its first opening on. The input is its life: what is committed, when checkpoints are
// taken, which calls fail, where the power is cut, and what happens to its files between two
// openings.
#include <array>
#include <cerrno>

#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/host_life.h"

namespace {

using namespace dr::test;

constexpr std::size_t kStepsMax = 40;
constexpr std::size_t kFileBytesMax = 256 << 10;

void AllFiles(dr::SimFileSystem& disk, const std::string& folder, std::vector<std::string>& paths) {
  const auto directory = disk.OpenDirectory(folder, dr::Create::kNever);
  if (!directory.ok()) return;
  const auto entries = (*directory)->List();
  for (const dr::DirectoryEntry& entry : *entries) {
    const std::string path = folder + "/" + entry.name;
    if (entry.type == dr::DirectoryEntry::Type::kDirectory) {
      AllFiles(disk, path, paths);
    } else {
      paths.push_back(path);
    }
  }
}

void Mutate(HostLife& life, std::uint64_t how, Input& input) {
  life.Close();
  dr::SimFileSystem& disk = life.disk();
  disk.ClearFaults();
  std::vector<std::string> paths;
  AllFiles(disk, "agent", paths);
  if (paths.empty()) return;
  const std::string path = paths[input.Next() % paths.size()];
  auto folder = disk.OpenDirectory(path.substr(0, path.rfind('/')), dr::Create::kNever);
  const std::string name = path.substr(path.rfind('/') + 1);
  std::string content = *disk.Read(path);
  const std::size_t at = content.empty() ? 0 : input.Next3() % content.size();
  if (how == 0 && !content.empty()) content[at] = static_cast<char>(content[at] ^ 1 << at % 8);
  if (how == 1) content.resize(at);
  if (how == 2) content.append(input.Next() * 64, '\xA5');
  if (how == 3) {
    const std::string bytes = input.Bytes(input.Next());
    content.replace(at, bytes.size(), bytes);
  }
  if (how == 4) content = *disk.Read(paths[input.Next() % paths.size()]);
  if (how == 5) {
    static_cast<void>((*folder)->Remove(name));
  } else {
    content.resize(std::min(content.size(), kFileBytesMax));
    const auto file = (*folder)->Open(name, {.access = dr::Access::kWrite});
    static_cast<void>((*file)->Truncate(content.size()));
    static_cast<void>((*file)->WriteAt(0, content));
  }
  folder->reset();
  life.Damaged();
}

// False: the host was refused, and nothing follows.
bool Step(HostLife& life, Input& input) {
  static constexpr std::array kErrors = {EIO, ENOSPC, EROFS, EMFILE, EACCES, EDQUOT};
  const std::uint64_t what = input.Next() % 18;
  if (what >= 12) return Mutate(life, what - 12, input), true;
  if (what == 7) return life.Close(), life.Recover();
  if (what == 8) return life.Kill(), life.Recover();
  if (what == 9) return life.CutPower(), life.Recover();
  if (what == 10) {
    const std::uint64_t events = input.Next() % 64;
    return life.CutPowerBefore(events, input.Next()), life.Recover();
  }
  if (!life.Ready()) return false;
  if (what <= 2) life.Commit(what, input.Next() % 8 == 0 ? 9000 : 40);
  if (what == 3) {
    const std::uint64_t which = input.Next() % 3;
    life.Commit(which, input.Next() * 256);
  }
  if (what == 4) life.Checkpoint();
  if (what == 5) life.Step();
  if (what == 6) life.Shutdown();
  if (what == 11) {
    const int error = kErrors[input.Next() % kErrors.size()];
    life.disk().Inject({.error = error, .nth = 1 + input.Next() % 64});
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input{{data, size}};
  HostLife life(input.Next() % 2 == 0);
  for (std::size_t step = 0; step < kStepsMax && !input.rest.empty(); ++step) {
    if (!Step(life, input)) return 0;
  }
  life.Recover();
  return 0;
}
