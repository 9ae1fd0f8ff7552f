// Early return on error, for what returns a status or a StatusOr.
//
//   absl::StatusOr<dr::Item> Load(dr::StateAdapter& store, const dr::Context& context) {
//     DR_RETURN_IF_ERROR(store.Check(context));
//     DR_ASSIGN_OR_RETURN(dr::Item item, store.Get("agent/7", context));
//     return item;
//   }
//
// No other public header includes this one: a program that does not ask for these macros has none.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/compiler.h"

/// Evaluates `expr`, an absl::Status, once; where it is not OK, the function returns it.
#define DR_RETURN_IF_ERROR(expr)                            \
  do {                                                      \
    if (absl::Status dr_status = (expr); !dr_status.ok()) { \
      return dr_status;                                     \
    }                                                       \
  } while (false)

/// Evaluates `expr`, an absl::StatusOr<T>, once. Where it is not OK, the function returns its
/// status; otherwise its value is moved to `lhs`, which is a declaration or what can be assigned
/// to. It is more than one statement, so it needs braces behind an `if`; a comma in `lhs` outside
/// of parentheses would end the argument.
#define DR_ASSIGN_OR_RETURN(lhs, expr) \
  DR_STATUS_MACROS_ASSIGN(DR_STATUS_MACROS_CONCAT(dr_result_, __LINE__), lhs, expr)

#define DR_STATUS_MACROS_ASSIGN(result, lhs, expr)     \
  auto result = (expr);                                \
  if (!result.ok()) return std::move(result).status(); \
  lhs = *std::move(result)
#define DR_STATUS_MACROS_CONCAT_INNER(a, b) a##b
#define DR_STATUS_MACROS_CONCAT(a, b) DR_STATUS_MACROS_CONCAT_INNER(a, b)
