// What an adapter's author does: every case that dr demands, against a store.
#include "dr/testing/adapter_cases.h"

#include <string>

#include "dr/memory_store.h"
#include "dr/status.h"

int main() {
  dr::MemoryStore store(1 << 20);
  int ran = 0;
  for (const dr::AdapterCase& check : dr::AdapterCases()) {
    if (!check.applies(store.capabilities())) continue;
    const absl::Status status = check.run(store, "case/" + std::to_string(ran++) + "/");
    if (!status.ok()) return dr::PrintError(status);
  }
  return ran > 0 ? 0 : 1;
}
