#include "server/http/deadline_list.h"

#include <algorithm>
#include <chrono>

namespace longhaul::server {

void DeadlineList::restart(Connection& connection, base::BootTime now) {
  leave(connection);
  connection.list = this;
  connection.deadline = now + duration_;
  connection.previous = back_;
  (back_ == nullptr ? front_ : back_->next) = &connection;
  back_ = &connection;
}

void DeadlineList::leave(Connection& connection) {
  if (connection.list == nullptr) return;
  (connection.previous == nullptr ? connection.list->front_ : connection.previous->next) = connection.next;
  (connection.next == nullptr ? connection.list->back_ : connection.next->previous) = connection.previous;
  connection.list = nullptr;
  connection.previous = connection.next = nullptr;
}

base::BootTime DeadlineList::next_look(base::BootTime now) const {
  const base::Nanoseconds slack =
      std::clamp<base::Nanoseconds>(duration_ / 10, std::chrono::milliseconds(1), std::chrono::seconds(1));
  return std::max(front_->deadline, now) + slack;
}

}  // namespace longhaul::server
