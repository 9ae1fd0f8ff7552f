#include "adapters/postgres/binary.h"

#include <libpq-fe.h>

#include <cstdlib>

namespace dr::inline v0::postgres {
namespace {

void PutBig32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

}  // namespace

std::string EncodeInt64(std::int64_t value) {
  std::string out;
  PutBig32(out, static_cast<std::uint32_t>(static_cast<std::uint64_t>(value) >> 32));
  PutBig32(out, static_cast<std::uint32_t>(value));
  return out;
}

std::string EncodeArray(ArrayOf type, std::span<const std::string_view> elements) {
  std::string out;
  for (std::uint32_t word : {1U, 0U, static_cast<std::uint32_t>(type),
                             static_cast<std::uint32_t>(elements.size()), 1U}) {
    PutBig32(out, word);  // dimensions, NULLs, type, length, first index
  }
  for (std::string_view element : elements) {
    PutBig32(out, static_cast<std::uint32_t>(element.size()));
    out += element;
  }
  return out;
}

int Rows::size() const { return PQntuples(static_cast<const PGresult*>(result_.get())); }

std::string_view Rows::At(int row, int column) const {
  const auto* result = static_cast<const PGresult*>(result_.get());
  return {PQgetvalue(result, row, column),
          static_cast<std::size_t>(PQgetlength(result, row, column))};
}

std::uint64_t Rows::affected() const {
  return std::strtoull(PQcmdTuples(static_cast<PGresult*>(result_.get())), nullptr, 10);
}

}  // namespace dr::inline v0::postgres
