// What an adapter's author does: every case that dr demands, against a store on a simulated disk.
#include "dr/testing/adapter_cases.h"

#include <string>

#include "dr/adapter/directory_store.h"
#include "dr/status.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"

int main() {
  dr::SimFileSystem disk;
  dr::SimClock clock;
  dr::SimRandom random(1);
  auto root = disk.OpenDirectory("/store", dr::Create::kIfMissing);
  if (!root.ok()) return dr::PrintError(root.status());
  auto store = dr::DirectoryStore::Open(*std::move(root), random, clock);
  if (!store.ok()) return dr::PrintError(store.status());
  int ran = 0;
  for (const dr::AdapterCase& check : dr::AdapterCases()) {
    if (!check.applies((*store)->capabilities())) continue;
    const absl::Status status = check.run(**store, "case/" + std::to_string(ran++) + "/");
    if (!status.ok()) return dr::PrintError(status);
  }
  return ran > 0 ? 0 : 1;
}
