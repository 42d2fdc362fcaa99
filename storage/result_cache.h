// Results that are kept for starts to come: the last good one of each type, key and queue, as the status that
// a start is answered with. Part of the store; every engine has it.
//
// A result comes here in the transaction of the success that gives it, and takes the place of the one before.
// It stays for as long as its task said (api::CacheTerms::stale), or a later start for its key if that is
// more; then it is no longer found, and retention (storage/retention.h) removes it. All together have at most
// so many bytes: to make room for another, the oldest go. One that is greater than
// limits::cached_result_bytes, or needs more than a quarter of the whole, is not kept, which the log says.
//
// Ages are on the steady timeline. Thread-safety, errors: as storage/store.h says.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/store_types.h"

namespace longhaul::storage {

struct CachedResult {
  RawJson status;       // of the task that gave it, with "cache": true and "cached_at"
  Milliseconds age{0};  // when it was looked up
};
using CachedResultPtr = std::shared_ptr<const CachedResult>;

class ResultCache {
 public:
  virtual ~ResultCache() = default;
  // The youngest one of this type and key; null: none. A short read.
  [[nodiscard]] virtual StoreResult<CachedResultPtr> find_result(const std::string& type,
                                                                 const std::string& key) = 0;
  // 0: none is kept. What is over a lower limit goes with the next rounds of retention.
  virtual void set_max_cache_bytes(std::int64_t bytes) = 0;
};

}  // namespace longhaul::storage
