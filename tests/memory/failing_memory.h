// The program's own operator new, which can be told to fail.
#pragma once

#include <cstdint>

namespace dr::test {

/// From Start on the `nth` allocation of any thread fails (1 is the next), and with `persistent`
/// all behind it. Nothing of the test itself may allocate before Stop, which tells whether any did
/// fail.
void StartFailing(std::uint64_t nth, bool persistent);
bool StopFailing();

}  // namespace dr::test
