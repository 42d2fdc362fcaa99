#include <doctest/doctest.h>

#include <string>

#include "worker/webhooks/content_shelf.h"

using namespace longhaul;
using namespace std::chrono_literals;
using api::DeliveryKey;
using worker::webhooks::ContentShelf;

namespace {

ContentShelf::Moment at(base::Milliseconds time, std::uint64_t changes = 0) {
  return {base::BootTime(time), changes};
}

storage::DeliveryContent content(const std::string& body) {
  storage::DeliveryContent content;
  content.body = body;
  return content;
}

}  // namespace

TEST_CASE("content shelf: what is put there is taken once") {
  ContentShelf shelf({});
  shelf.put(DeliveryKey(1), content("one"), at(0ms));
  shelf.put(DeliveryKey(2), content("two"), at(0ms));
  CHECK_FALSE(shelf.take(DeliveryKey(3), at(0ms)));
  CHECK(shelf.take(DeliveryKey(2), at(0ms)).value().body == "two");
  CHECK_FALSE(shelf.take(DeliveryKey(2), at(0ms)));
  CHECK(shelf.take(DeliveryKey(1), at(0ms)).value().body == "one");
}

TEST_CASE("content shelf: what is old is not used, nor what was read before a change") {
  ContentShelf::Limits limits;
  limits.kept = 100ms;
  ContentShelf shelf(limits);
  for (int key = 1; key <= 4; ++key) shelf.put(DeliveryKey(key), content("x"), at(1'000ms, 7));
  CHECK(shelf.take(DeliveryKey(1), at(1'100ms, 7)));
  CHECK_FALSE(shelf.take(DeliveryKey(2), at(1'101ms, 7)));
  CHECK_FALSE(shelf.take(DeliveryKey(3), at(1'000ms, 8)));
  CHECK(shelf.take(DeliveryKey(4), at(1'000ms, 7)));
}

TEST_CASE("content shelf: what comes again takes the place of what was there") {
  ContentShelf shelf({});
  shelf.put(DeliveryKey(1), content("old"), at(0ms));
  shelf.put(DeliveryKey(1), content("new"), at(1'500ms));
  CHECK(shelf.take(DeliveryKey(1), at(3'000ms)).value().body == "new");
}

TEST_CASE("content shelf: what is forgotten is not there") {
  ContentShelf shelf({});
  for (int key = 1; key <= 3; ++key) shelf.put(DeliveryKey(key), content("x"), at(0ms));
  shelf.forget(DeliveryKey(2));
  shelf.forget(DeliveryKey(4));
  CHECK(shelf.take(DeliveryKey(1), at(0ms)));
  CHECK_FALSE(shelf.take(DeliveryKey(2), at(0ms)));
  shelf.clear();
  CHECK_FALSE(shelf.take(DeliveryKey(3), at(0ms)));
}

TEST_CASE("content shelf: when it is full, nothing more is put there") {
  ContentShelf::Limits limits;
  limits.deliveries = 3;
  ContentShelf shelf(limits);
  CHECK(shelf.room(at(0ms)) == 3);
  for (int key = 1; key <= 4; ++key) shelf.put(DeliveryKey(key), content("x"), at(0ms));
  CHECK(shelf.room(at(0ms)) == 0);
  CHECK_FALSE(shelf.take(DeliveryKey(4), at(0ms)));
  CHECK(shelf.take(DeliveryKey(1), at(0ms)));
  CHECK(shelf.room(at(0ms)) == 1);
}

TEST_CASE("content shelf: bodies are bounded together, and room is told by how long they were") {
  ContentShelf::Limits limits;
  limits.bytes = 1'000;
  ContentShelf shelf(limits);
  const std::string body(300, 'x');
  CHECK(shelf.room(at(0ms)) == 1'000);  // nothing is known of them yet
  shelf.put(DeliveryKey(1), content(body), at(0ms));
  CHECK(shelf.room(at(0ms)) == 2);
  for (int key = 2; key <= 4; ++key) shelf.put(DeliveryKey(key), content(body), at(0ms));
  CHECK(shelf.room(at(0ms)) == 0);
  CHECK_FALSE(shelf.take(DeliveryKey(4), at(0ms)));
  for (int key = 1; key <= 3; ++key) CHECK(shelf.take(DeliveryKey(key), at(0ms)));
  CHECK(shelf.room(at(0ms)) == 3);
  shelf.put(DeliveryKey(5), content(std::string(2'000, 'x')), at(0ms));  // no room for such a one at all
  CHECK_FALSE(shelf.take(DeliveryKey(5), at(0ms)));
  shelf.put(DeliveryKey(6), content(""), at(0ms));
  CHECK(shelf.take(DeliveryKey(6), at(0ms)));
}

TEST_CASE("content shelf: when it is full, what is of no use any more makes room") {
  ContentShelf::Limits limits;
  limits.deliveries = 4;
  limits.kept = 100ms;
  ContentShelf shelf(limits);
  shelf.put(DeliveryKey(1), content("x"), at(0ms, 0));
  shelf.put(DeliveryKey(2), content("x"), at(50ms, 0));
  shelf.put(DeliveryKey(3), content("x"), at(50ms, 1));
  CHECK(shelf.room(at(120ms, 1)) == 1);  // it is not full
  shelf.put(DeliveryKey(4), content("x"), at(120ms, 1));
  CHECK(shelf.room(at(120ms, 1)) == 2);
  CHECK(shelf.take(DeliveryKey(3), at(120ms, 1)));
  CHECK(shelf.take(DeliveryKey(4), at(120ms, 1)));
}
