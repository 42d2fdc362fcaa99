// The engines that the conformance suite runs on: a new one adds its type to STORE_ENGINES and is held to all
// of it. An engine opens a store on one and the same data each time; the data go with the object.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "storage/store.h"

namespace longhaul::tests {

struct OpenOptions {
  const base::Clock* clock = nullptr;
  std::string boot_id = "boot-1";
  std::size_t max_waiting_starts = 20'000;
};

// A folder of the test's own, removed with all it holds.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

class StoreEngine {
 public:
  StoreEngine() = default;
  StoreEngine(const StoreEngine&) = delete;
  StoreEngine& operator=(const StoreEngine&) = delete;
  virtual ~StoreEngine() = default;
  // Opened and not started.
  [[nodiscard]] virtual base::Result<std::unique_ptr<storage::Store>> open(const OpenOptions& options) = 0;
};

class SqliteEngine final : public StoreEngine {
 public:
  [[nodiscard]] base::Result<std::unique_ptr<storage::Store>> open(const OpenOptions& options) override;
  [[nodiscard]] std::string path() const { return folder_ / "longhaul.db"; }

 private:
  TemporaryFolder folder_;
};

#define STORE_ENGINES ::longhaul::tests::SqliteEngine

}  // namespace longhaul::tests
