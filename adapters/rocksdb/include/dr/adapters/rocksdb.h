// A RocksDB database as a store: rocksdb:///var/lib/agent/store?namespace=agent7
//
// The path is absolute; missing directories are made. Each namespace is a column family.
#pragma once

#include "absl/status/status.h"
#include "dr/adapter/adapter_registry.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Takes the scheme `rocksdb`. RocksDB opens a database in one process, once: what one registry and
/// its copies open in one directory is one database, whose conditions hold across all its stores;
/// another registry or process gets kUnavailable until they are all gone.
DR_EXPORT absl::Status RegisterRocksdb(AdapterRegistry& registry);

}  // namespace dr::inline v0
