// The registered webhooks as a transaction of the writer sees them, read once and kept until one of them changes. Belongs to
// the writer's thread. Errors: SqlError.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "storage/sqlite/webhook_rows.h"

namespace longhaul::storage {

class RegisteredWebhooks {
 public:
  explicit RegisteredWebhooks(Statements& statements) : statements_(statements) {}

  // A transaction begins: what the last one may have changed, and then not committed, is read again.
  void begin() {
    if (std::exchange(changed_, false)) known_.reset();
  }
  [[nodiscard]] const std::vector<api::Webhook>& all(const Now& now) {
    if (!known_) known_ = read_webhooks(statements_, now);
    return *known_;
  }
  // Whether this transaction has changed one.
  [[nodiscard]] bool changed() const { return changed_; }
  // To be called with every change of a row, or of the secrets.
  void note_change() {
    changed_ = true;
    known_.reset();
  }

 private:
  Statements& statements_;
  std::optional<std::vector<api::Webhook>> known_;
  bool changed_ = false;
};

}  // namespace longhaul::storage
