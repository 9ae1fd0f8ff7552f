// Early return on error.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define DR_RETURN_IF_ERROR(expr)                            \
  do {                                                      \
    if (absl::Status dr_status = (expr); !dr_status.ok()) { \
      return dr_status;                                     \
    }                                                       \
  } while (false)

#define DR_CONCAT_INNER(a, b) a##b
#define DR_CONCAT(a, b) DR_CONCAT_INNER(a, b)
#define DR_ASSIGN_OR_RETURN(lhs, expr) \
  DR_ASSIGN_OR_RETURN_IMPL(DR_CONCAT(dr_result_, __LINE__), lhs, expr)
#define DR_ASSIGN_OR_RETURN_IMPL(result, lhs, expr)    \
  auto result = (expr);                                \
  if (!result.ok()) return std::move(result).status(); \
  lhs = *std::move(result)
