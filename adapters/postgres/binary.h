// Values in the binary form in which statements take and give them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace dr::inline v0::postgres {

/// The value of a parameter; one without data is NULL.
struct Argument {
  std::string_view bytes;
  bool null = false;
};

/// The bytes of an int8, and of arrays of bytea or text, as arguments.
std::string EncodeInt64(std::int64_t value);
enum class ArrayOf : std::uint32_t { kBytes = 17, kText = 25 };
std::string EncodeArray(ArrayOf type, std::span<const std::string_view> elements);

/// What a statement gave.
class Rows {
 public:
  explicit Rows(std::shared_ptr<void> result) : result_(std::move(result)) {}
  int size() const;
  /// Valid as long as this or a copy of it.
  std::string_view At(int row, int column) const;
  /// Rows that were changed.
  std::uint64_t affected() const;

 private:
  std::shared_ptr<void> result_;  // PGresult
};

}  // namespace dr::inline v0::postgres
