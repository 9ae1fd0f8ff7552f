// What a program and its plugins agree about; dr is not in it.
#pragma once

class KeptCounter {
 public:
  virtual ~KeptCounter() = default;
  virtual int Open(const char* directory) = 0;  // an absl::StatusCode
  virtual int Add(int n) = 0;                   // the sum, or -1
};

extern "C" KeptCounter* MakeCounter();
