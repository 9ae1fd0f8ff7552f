// Invariants that are checked in production too.
//
//   DR_ASSERT(durable_ <= dispatched_);
//
// A library that goes on after its own positions have stopped making sense writes that nonsense to
// the disk. What has been acknowledged is on the disk already, so ending the process here loses
// nothing, and the line says where to look. It is for dr's own mistakes alone: bad input, a full
// disk and a component that misbehaves are errors.
#pragma once

namespace dr::inline v0 {

/// Prints where and what to stderr and aborts.
[[noreturn]] void FailAssertion(const char* file, int line, const char* condition) noexcept;

}  // namespace dr::inline v0

#define DR_ASSERT(condition)                           \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::dr::FailAssertion(__FILE__, __LINE__, #condition))
