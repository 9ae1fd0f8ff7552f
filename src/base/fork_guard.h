// Tells a forked child that what it inherited is not its own.
//
//   ForkGuard guard;            // in the object that a child must not use
//   if (guard.InChild()) return MakeFault({.kind = FaultKind::kPoisoned, …}, …);
#pragma once

#include <sys/types.h>

namespace dr::inline v0 {

/// Thread-safe. A child that shares its parent's memory (vfork, CLONE_VM) counts as the parent.
class ForkGuard {
 public:
  ForkGuard();
  ~ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

  /// True in every process but the one that made this guard. One load; a getpid where the kernel
  /// cannot wipe pages.
  bool InChild() const { return owned_ != nullptr ? *owned_ == 0 : IsOtherProcess(); }

 private:
  bool IsOtherProcess() const;

  const volatile unsigned char* owned_ = nullptr;  // in a page of its own, zero after fork
  pid_t pid_ = 0;
};

}  // namespace dr::inline v0
