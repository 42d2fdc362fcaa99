#include "server/http/inbox.h"

#include <sys/eventfd.h>

#include <cstdint>
#include <utility>

#include "server/http/exchange.h"

namespace longhaul::server {

Inbox::Inbox() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Inbox::post(std::function<void()> work) {
  {
    base::MutexLock lock(mutex_);
    if (closed_) return;
    batch_.work.push_back(std::move(work));
    if (has_items_.exchange(true, std::memory_order_release)) return;
  }
  wake();
}

void Inbox::complete(std::shared_ptr<Exchange> answered) {
  {
    base::MutexLock lock(mutex_);
    if (closed_) return;
    batch_.answers.push_back(std::move(answered));
    if (has_items_.exchange(true, std::memory_order_release)) return;
  }
  wake();
}

void Inbox::take(Batch& out) {
  base::MutexLock lock(mutex_);
  std::swap(out, batch_);
  has_items_.store(false, std::memory_order_relaxed);
}

void Inbox::close() {
  Batch dropped;  // dies after the lock is gone: what it holds may hand in something itself
  base::MutexLock lock(mutex_);
  closed_ = true;
  std::swap(dropped, batch_);
  has_items_.store(false, std::memory_order_relaxed);
}

void Inbox::wake() {
  if (on_loop_thread()) return;
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the loop has been woken often enough.
  (void)!::write(wake_fd_.get(), &one, sizeof one);
}

}  // namespace longhaul::server
