#include "src/log/durable_mark.h"

#include <array>
#include <utility>

#include "dr/digest.h"
#include "dr/status_macros.h"
#include "src/base/set_aside.h"
#include "src/format/little_endian.h"

namespace dr::inline v0 {
namespace {

// src/format/FORMAT.md has the table.
constexpr std::string_view kMagic = "drdurab1";
constexpr std::size_t kHashAt = 56, kBytes = 64;

std::array<char, kBytes> Encode(const DurableMark& mark) {
  std::array<char, kBytes> bytes;
  kMagic.copy(bytes.data(), kMagic.size());
  StoreLittle(&bytes[8], mark.log.high);
  StoreLittle(&bytes[16], mark.log.low);
  StoreLittle(&bytes[24], mark.durable.epoch.value);
  StoreLittle(&bytes[32], mark.durable.lsn.value);
  StoreLittle(&bytes[40], mark.history.high);
  StoreLittle(&bytes[48], mark.history.low);
  StoreLittle(&bytes[kHashAt], HashOf({bytes.data(), kHashAt}));
  return bytes;
}

}  // namespace

absl::StatusOr<std::optional<DurableMark>> ReadDurableMark(Directory& directory) {
  const absl::StatusOr<std::unique_ptr<File>> file = directory.Open(kDurableMarkName, {});
  if (absl::IsNotFound(file.status()) || absl::IsInvalidArgument(file.status())) {
    return std::nullopt;  // what is no file is no mark
  }
  DR_RETURN_IF_ERROR(file.status());
  std::array<char, kBytes> bytes = {};
  DR_RETURN_IF_ERROR((*file)->ReadAt(0, bytes).status());
  const DurableMark mark{
      {LoadLittle<std::uint64_t>(&bytes[8]), LoadLittle<std::uint64_t>(&bytes[16])},
      {{LoadLittle<std::uint64_t>(&bytes[24])}, {LoadLittle<std::uint64_t>(&bytes[32])}},
      {LoadLittle<std::uint64_t>(&bytes[40]), LoadLittle<std::uint64_t>(&bytes[48])}};
  if (Encode(mark) != bytes) return std::nullopt;
  return mark;
}

absl::StatusOr<DurableMarkWriter> DurableMarkWriter::Open(Directory& directory, LogId log,
                                                          Epoch epoch) {
  DR_RETURN_IF_ERROR(SetAsideUnlessFile(directory, kDurableMarkName));
  DR_ASSIGN_OR_RETURN(
      std::unique_ptr<File> file,
      directory.Open(kDurableMarkName, {.access = Access::kWrite, .create = Create::kIfMissing}));
  return DurableMarkWriter(std::move(file), log, epoch);
}

void DurableMarkWriter::Write(Lsn lsn, const Digest& history) {
  const std::array<char, kBytes> bytes = Encode({log_, {epoch_, lsn}, history});
  static_cast<void>(file_->WriteAt(0, {bytes.data(), bytes.size()}));
}

}  // namespace dr::inline v0
