// Recovery over damaged directories. The input is the life of a log: what it appends, which of its
// calls fail, where its power is cut, and what happens to its files between two openings.
#include <array>
#include <cerrno>
#include <map>
#include <span>

#include "tests/format/segments.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/log_life.h"

namespace {

using namespace dr::test;

constexpr std::size_t kStepsMax = 48;
constexpr std::size_t kFileBytesMax = 256 << 10;

/// What follows Step's own steps. Those that damage one block at most come first.
enum How : std::uint64_t {
  kFlip,
  kFlipToo,
  kZero,
  kRepeatBlock,
  kZeroRest,
  kCut,
  kExtend,
  kDelete,
  kSwap,
  kCopy,
  kOverwrite,
  kReplace,
  kForge,
  kForgeToo,
  kHows,
};

// Sets bytes of a prefix or of a group's header, and makes all hashes hold again.
void Forge(std::string& content, Input& input) {
  namespace group = dr::format_v1::group;
  if (content.size() < dr::kBlockBytes) return;
  const std::size_t block = input.Next() % (content.size() / dr::kBlockBytes) * dr::kBlockBytes;
  const std::string bytes = input.Bytes(1 + input.Next() % 8);
  content.replace(block + input.Next() % 160, bytes.size(), bytes);
  std::string prefix = content.substr(0, dr::kBlockBytes);
  ResealPrefix(prefix);
  content.replace(0, prefix.size(), prefix);
  std::uint64_t hash = dr::PrefixHash(prefix);
  for (std::size_t at = dr::kBlockBytes; at + dr::kBlockBytes <= content.size();) {
    const auto magic = dr::LoadLittle<std::uint32_t>(content.data() + at + group::kMagic);
    const auto stored = dr::LoadLittle<std::uint32_t>(content.data() + at + group::kStoredBytes);
    if (magic != group::kMagicValue || stored < dr::kGroupHeaderBytes) break;
    if (stored > content.size() - at) break;
    dr::StoreLittle(content.data() + at + group::kPreviousHash, hash);
    ResealGroup(content, at, stored);
    hash = dr::LoadLittle<std::uint64_t>(content.data() + at + group::kHash);
    at += stored;
  }
}

// Changes `content` from `at` on, within its block or behind.
void Edit(std::string& content, std::size_t at, How how, Input& input) {
  const std::size_t block = at / dr::kBlockBytes * dr::kBlockBytes;
  const std::size_t block_end = std::min(block + dr::kBlockBytes, content.size());
  switch (how) {
    case kZero:
      std::fill_n(content.begin() + at, std::min(1 + 2 * input.Next(), block_end - at), '\0');
      break;
    case kRepeatBlock: {
      const std::size_t from = input.Next3() % content.size() / dr::kBlockBytes * dr::kBlockBytes;
      const std::string other = content.substr(from, block_end - block);
      content.replace(block, other.size(), other);
      break;
    }
    case kZeroRest:
      std::fill(content.begin() + at, content.end(), '\0');
      break;
    case kCut:
      content.resize(at);
      break;
    case kExtend: {
      const std::size_t more = input.Next3() % kFileBytesMax;
      content.append(more, static_cast<char>(input.Next()));
      break;
    }
    case kOverwrite: {
      const std::string bytes = input.Bytes(input.Next());
      content.replace(at, bytes.size(), bytes);
      break;
    }
    case kReplace:
      content = input.Bytes(input.Next());
      break;
    case kForge:
    case kForgeToo:
      Forge(content, input);
      break;
    default:
      content[at] = static_cast<char>(content[at] ^ 1 << input.Next() % 8);
  }
}

void Mutate(LogLife& life, How how, Input& input) {
  life.Close();
  dr::SimFileSystem& disk = life.disk();
  disk.ClearFaults();
  auto directory = disk.OpenDirectory("log", dr::Create::kIfMissing);
  const auto entries = (*directory)->List();
  if (entries->empty()) return;
  const auto choose = [&] { return (*entries)[input.Next() % entries->size()].name; };
  const std::string name = choose();
  std::string content = *disk.Read("log/" + name);
  const std::size_t at = content.empty() ? 0 : input.Next3() % content.size();
  std::map<std::string, std::string> changed;
  if (how == kDelete) {
    static_cast<void>((*directory)->Remove(name));
  } else if (how == kSwap) {
    const std::string other = choose();
    changed[name] = *disk.Read("log/" + other);
    changed[other] = content;
  } else if (how == kCopy) {
    static constexpr std::array kSuffixes = {".wal", ".spare", ".tmp"};
    const std::uint64_t number = input.Next();
    const char* suffix = kSuffixes[number / 16 % kSuffixes.size()];
    changed[number == 0 ? "HEAD" : fmt::format("{:016}{}", number % 16, suffix)] = content;
  } else if (!content.empty() || how == kReplace) {
    Edit(content, at, how, input);
    changed[name] = content;
  }
  for (auto& [file_name, bytes] : changed) {
    auto file =
        (*directory)
            ->Open(file_name, {.access = dr::Access::kWrite, .create = dr::Create::kIfMissing});
    bytes.resize(std::min(bytes.size(), kFileBytesMax));
    static_cast<void>((*file)->Truncate(bytes.size()));
    static_cast<void>((*file)->WriteAt(0, bytes));
  }
  directory->reset();
  life.Damaged(how >= kForge        ? Damage::kForged
               : how > kRepeatBlock ? Damage::kMuch
                                    : Damage::kOneBlock,
               fmt::format("{} {}", name, at / dr::kBlockBytes));
}

void FailACall(LogLife& life, Input& input) {
  static constexpr std::array kErrors = {EIO, ENOSPC, EROFS, EMFILE, EACCES, EDQUOT};
  const int error = kErrors[input.Next() % kErrors.size()];
  life.disk().Inject({.error = error, .nth = 1 + input.Next() % 64});
}

// Reopens, after the process has ended in one way or another.
bool Reopen(LogLife& life, std::uint64_t end, Input& input) {
  const std::uint64_t choice = input.Next();
  life.Close();
  if (end == 1) life.Kill();
  if (end == 2) life.CutPower();
  if (end == 3) life.CutPowerBefore(choice % 64, input.Next());
  return life.Recover(choice % 2 == 1);
}

// False: the log was refused, and nothing follows.
bool Step(LogLife& life, Input& input) {
  const std::uint64_t what = input.Next() % (10 + kHows);
  if (what >= 10) return Mutate(life, static_cast<How>(what - 10), input), true;
  if (what == 9) return FailACall(life, input), true;
  if (what >= 5) return Reopen(life, what - 5, input);
  if (!life.Ready()) return false;
  if (what == 0) life.Append({input.Next()});
  if (what == 1) life.Append({input.Next() * 300});
  if (what == 2) life.Append({input.Next() * 40, input.Next(), input.Next() * 120});
  if (what == 3) life.Seal();
  if (what == 4) life.Trim(input.Next() % 8);
  return true;
}

// Logs that are there before the input begins, so that it can go straight at them.
std::unique_ptr<LogLife> Begin(std::uint64_t which) {
  static constexpr std::array<std::uint8_t, 9> kShort = {0, 9, 0, 99, 3, 0, 200, 0, 5};
  static constexpr std::array<std::uint8_t, 21> kLong = {0, 9,  2, 9, 9, 9,  1, 230, 0, 1, 3,
                                                         1, 99, 5, 0, 2, 50, 4, 20,  0, 90};
  static constexpr std::array<std::uint8_t, 24> kTrimmed = {
      1, 250, 0, 1, 1, 200, 3, 4, 1, 1, 255, 5, 0, 4, 0, 1, 190, 3, 0, 9, 6, 0, 0, 80};
  const std::array<std::span<const std::uint8_t>, 4> histories = {{{}, kShort, kLong, kTrimmed}};
  Input history{histories[which % histories.size()]};
  auto life = std::make_unique<LogLife>(which < histories.size());
  while (!history.rest.empty()) Require(Step(*life, history), "a healthy log is refused");
  life->Close();
  return life;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::unique_ptr<LogLife>>& beginnings = *[] {
    auto* made = new std::vector<std::unique_ptr<LogLife>>;
    for (std::uint64_t which = 0; which < 8; ++which) made->push_back(Begin(which));
    return made;
  }();
  Input input{{data, size}};
  LogLife life(*beginnings[input.Next() % beginnings.size()]);
  for (std::size_t step = 0; step < kStepsMax && !input.rest.empty(); ++step) {
    if (!Step(life, input)) return 0;
  }
  life.Recover(size % 2 == 1);
  return 0;
}
