// What is owed, in memory: which delivery is next, when, and how much may be under way. A bounded cache of the
// outbox: what does not fit is left on disk, and read again when it is due and there is room.
//
// Fairness: deliveries are kept in one lane for each endpoint (a webhook, or the origin of callbacks). Of the lanes with
// something due, the one with the least under way goes first; no lane may have more under way than its limit, nor all
// lanes of a host (scheme, name and port) together more than theirs, nor may one fill the cache. The more a lane has under
// way, the more places must be free for it to begin another, in all and at its host, so that the last ones are for lanes
// with nothing under way. So endpoints that answer slowly, or not at all, hold up nobody else, however much they are owed:
// it would take many of them at once.
//
// A lane has a circuit (circuit.h). While that is open, one delivery at a time is tried, when the circuit says so; what
// waits meanwhile loses nothing by it, but what an open circuit has held back for `longest_hold` is to be given up.
//
// A lane is filled up from the disk when little of what it has in memory comes before that which it has there, so
// that what is due never waits behind retries that are due later. When memory is full, whoever has much there
// gives way; when nobody has, because there are so many origins, whatever is due last.
//
// Not thread-safe, no clock, no input or output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/outbox.h"
#include "worker/webhooks/circuit.h"

namespace longhaul::worker::webhooks {

// What is to be done about a delivery whose turn it is.
struct Turn {
  api::DeliveryKey key;
  bool give_up = false;  // else: send it
};

// A circuit that opened, or waits anew, or has closed.
struct CircuitNews {
  std::string endpoint;
  std::optional<base::SteadyTime> open_until;  // nothing: it is closed
};

class DueQueue {
 public:
  struct Limits {
    std::size_t under_way = 128;            // deliveries at once, in all
    std::size_t under_way_by_host = 16;     // and to one host
    std::size_t under_way_by_endpoint = 8;  // and to one endpoint
    std::size_t unrecorded = 1'000;         // ended, and not yet settled or put off
    std::size_t kept = 50'000;              // in memory
    std::size_t kept_by_endpoint = 2'000;
    base::Milliseconds longest_hold{5 * 24 * 3'600'000};
    CircuitLimits circuit;
  };
  explicit DueQueue(Limits limits);

  // It is owed; one that is here already was asked for again, so that it is brought forward when it waits, and waits once
  // more when it is under way or not recorded yet. What does not fit is noted as left on disk.
  void add(const storage::OwedDelivery& delivery);
  // The endpoint is somewhere else now, or begins anew: its circuit is closed.
  void move(const storage::MovedEndpoint& moved);

  // The next one whose turn it is; it is under way from here on, until release().
  [[nodiscard]] std::optional<Turn> take(base::SteadyTime now);
  // It has ended, and its place is free. It is unrecorded until settle() or put_off(), which may also come without this.
  void release(api::DeliveryKey key);
  // What its attempt says of the endpoint; before release().
  void judge(api::DeliveryKey key, const AttemptSign& sign, base::SteadyTime now, std::uint64_t random);
  // It is not owed any more.
  void settle(api::DeliveryKey key);
  // It is owed again, at `due`.
  void put_off(api::DeliveryKey key, base::SteadyTime due);

  // What has become of circuits since it was asked last. One of an endpoint that is owed nothing any more is closed.
  [[nodiscard]] std::vector<CircuitNews> take_news() { return std::exchange(news_, {}); }

  // What is due and waits behind these, which are under way: `of_one` at most of each of their endpoints, and `of_all`
  // together, the same share for each.
  [[nodiscard]] std::vector<api::DeliveryKey> next_behind(const std::vector<api::DeliveryKey>& taken,
                                                          base::SteadyTime now, std::size_t of_one,
                                                          std::size_t of_all) const;

  // When take() may have something; nothing while there is nothing, or no more may begin.
  [[nodiscard]] std::optional<base::SteadyTime> next_due() const;
  [[nodiscard]] std::size_t under_way() const { return under_way_; }

  // ---- reading the outbox, page by page
  // When a page should be read; nothing: not before something changes here.
  [[nodiscard]] std::optional<base::SteadyTime> next_reading() const;
  // Behind which delivery that page begins; nothing: at the beginning.
  [[nodiscard]] const std::optional<storage::OwedDelivery>& read_up_to() const { return cursor_; }
  // The page; `last`: nothing is behind it.
  void read(const std::vector<storage::OwedDelivery>& page, bool last, base::SteadyTime now);
  // Something may have been missed: all of it is to be read.
  void read_all_again();

 private:
  using Place = std::pair<base::SteadyTime, api::DeliveryKey>;
  struct Lane;
  struct Host {
    std::string origin;
    std::size_t under_way = 0;
    std::set<Lane*> lanes;
  };
  struct Lane {
    std::string endpoint;
    Host* host = nullptr;
    int generation = 0;  // one more each time that it moves
    std::set<Place> waiting;
    std::size_t under_way = 0;
    std::size_t unrecorded = 0;
    Circuit circuit;
    std::optional<base::SteadyTime> on_disk;  // nothing earlier was left there
    std::optional<base::SteadyTime> left;     // the earliest that this reading has left there
  };
  enum class State : std::uint8_t { waiting, under_way, unrecorded };
  struct Entry {
    Lane* lane = nullptr;
    base::SteadyTime due;
    State state = State::waiting;
    // Of its attempt.
    bool is_trial = false;                  // begun while the circuit was open
    Host* host = nullptr;                   // where it is under way
    int generation = 0;                     // of the lane, when it was begun
    std::optional<base::SteadyTime> again;  // owed since, whatever comes of it
  };
  enum class Reading : std::uint8_t { none, of_lanes, of_all };

  static void keep_earlier(std::optional<base::SteadyTime>& kept, base::SteadyTime other) {
    if (!kept || other < *kept) kept = other;
  }
  void keep(const storage::OwedDelivery& delivery);
  Lane& lane_of(const storage::OwedDelivery& delivery);
  void settle_at(Lane& lane, const std::string& origin);
  void leave_host(Lane& lane);
  void bring_forward(Entry& entry, api::DeliveryKey key, base::SteadyTime due);
  void wait(Lane& lane, api::DeliveryKey key, base::SteadyTime due);
  void wait_again(Entry& entry, api::DeliveryKey key, base::SteadyTime due);
  [[nodiscard]] bool is_full() const { return entries_.size() - under_way_ - unrecorded_ >= limits_.kept; }
  // For something that is due then; there may be none afterwards.
  void make_room(base::SteadyTime due);
  void leave_latest(Lane& lane);
  void put_in(Lane& lane, const Place& place);
  void take_out(Lane& lane, std::set<Place>::const_iterator place);
  void leave_on_disk(Lane& lane, base::SteadyTime due);
  void has_seen_up_to(base::SteadyTime due);
  void has_seen_all();
  void end_reading(base::SteadyTime now);
  // Whether what was left there should be read once it is due. `lane` is one of on_disk_.
  [[nodiscard]] bool wants_reading(const Lane& lane) const;
  [[nodiscard]] bool rest_wants_reading() const;
  // Of so many places, how many must be free beside the one that a lane with so much under way takes.
  [[nodiscard]] std::size_t kept_free(std::size_t held, std::size_t places) const;
  // Whether a lane with so much under way may begin another.
  [[nodiscard]] bool may_begin(std::size_t held) const;
  // Whether this one may, as far as it and its host are concerned.
  [[nodiscard]] bool is_ready(const Lane& lane) const;
  // When the first of a lane has its turn.
  [[nodiscard]] base::SteadyTime turn_of(const Lane& lane) const;
  // What take() looks at; around every change of a lane.
  void hide(Lane& lane);
  void show(Lane& lane);
  // One more under way, the first of those that wait, or one less.
  void occupy(Lane& lane);
  void vacate(Lane& lane, Host& host);
  template <class Change>
  void change_held(Lane& lane, Host& host, const Change& change);
  void forget_if_unused(Host& host);
  Entry& take_back(api::DeliveryKey key);
  void forget_if_unused(Lane& lane);

  const Limits limits_;
  std::map<std::string, Host> hosts_;  // by origin; a host stays where it is
  std::map<std::string, Lane> lanes_;  // by endpoint; a lane stays where it is
  Lane rest_;                          // what is on disk of endpoints that have no lane: there are too many
  std::unordered_map<api::DeliveryKey, Entry> entries_;
  // Lanes that may begin something: by how much they have under way, then by the turn of their first.
  std::vector<std::set<std::pair<Place, Lane*>>> ready_;
  std::set<std::pair<Place, Lane*>> waiting_;  // of all lanes
  std::set<Lane*> large_;                      // lanes that have enough waiting to be cut
  std::size_t under_way_ = 0;
  std::size_t unrecorded_ = 0;
  std::set<Lane*> on_disk_;  // lanes of which something was left there
  bool moved_on_ = true;     // something was begun or has ended since the last reading
  base::SteadyTime read_until_ = base::SteadyTime::min();  // what was due by then was there for the taking
  Reading reading_ = Reading::of_all;
  std::vector<CircuitNews> news_;
  std::optional<storage::OwedDelivery> cursor_;
};

}  // namespace longhaul::worker::webhooks
