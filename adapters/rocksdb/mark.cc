#include "adapters/rocksdb/mark.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "dr/adapter/stored_value.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr char kName[] = "ACKNOWLEDGED";
constexpr std::size_t kSlotBytes = 32;  // none lies in two sectors
constexpr std::size_t kFileBytes = kSlotBytes * RocksDbMark::kSlots;
constexpr std::size_t kNumberAt = 8;  // where a trailer has its nonce

// The trailer of a value that is nothing but its nonce, which is the number.
StoredTrailer TrailerOf(int slot, std::uint64_t sequence) {
  return EncodeStoredTrailer(fmt::format("{}/{}", kName, slot), "", sequence);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RocksDbMark>> RocksDbMark::Open(Directory& directory) {
  DR_ASSIGN_OR_RETURN(
      std::unique_ptr<File> file,
      directory.Open(kName, {.access = Access::kWrite, .create = Create::kIfMissing}));
  std::unique_ptr<RocksDbMark> mark(new RocksDbMark(std::move(file)));
  DR_ASSIGN_OR_RETURN(const FileInfo info, mark->file_->Info());
  if (info.size < kFileBytes) {  // all of its room now: later a full disk cannot refuse it
    DR_RETURN_IF_ERROR(mark->file_->WriteAt(0, std::string(kFileBytes, '\0')));
    DR_RETURN_IF_ERROR(mark->file_->Sync());
    DR_RETURN_IF_ERROR(directory.Sync());
    return mark;
  }
  DR_RETURN_IF_ERROR(mark->Read());
  return mark;
}

absl::Status RocksDbMark::Read() {
  std::array<char, kFileBytes> bytes;
  DR_RETURN_IF_ERROR(file_->ReadAt(0, bytes).status());
  std::optional<std::uint64_t> greatest;
  for (int slot = 0; slot < kSlots; ++slot) {
    const char* const at = bytes.data() + kSlotBytes * static_cast<std::size_t>(slot);
    std::uint64_t sequence = 0;
    std::memcpy(&sequence, at + kNumberAt, sizeof sequence);
    const StoredTrailer expected = TrailerOf(slot, sequence);
    if (std::equal(expected.begin(), expected.end(), at)) {
      greatest = std::max(greatest.value_or(0), sequence);
    } else if (std::any_of(at, at + kSlotBytes, [](char c) { return c != '\0'; })) {
      return absl::OkStatus();  // who knows what else it would have said
    }
  }
  acknowledged_ = greatest;
  return absl::OkStatus();
}

absl::Status RocksDbMark::Set(int slot, std::uint64_t sequence) {
  const StoredTrailer trailer = TrailerOf(slot, sequence);
  return file_->WriteAt(kSlotBytes * static_cast<std::size_t>(slot),
                        {trailer.data(), trailer.size()});
}

absl::Status RocksDbMark::Reset(std::uint64_t sequence) {
  std::string bytes(kFileBytes, '\0');
  const StoredTrailer trailer = TrailerOf(0, sequence);
  std::copy(trailer.begin(), trailer.end(), bytes.begin());
  return file_->WriteAt(0, bytes);
}

}  // namespace dr::inline v0
