// Webhooks: how many a second, and whether a dead endpoint delays those of others.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/time_text.h"
#include "base/mutex.h"
#include "tests/bench/bare_posts.h"
#include "tests/bench/client_socket.h"
#include "tests/bench/contest.h"
#include "tests/bench/event_receiver.h"
#include "tests/bench/measurements.h"

namespace longhaul::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Of one endpoint, as the server does it by itself.
constexpr std::size_t in_flight = 8;

// A registered webhook.
class Webhook {
 public:
  static base::Result<Webhook> add(std::uint16_t port, const std::string& url, const std::string& queue) {
    const nlohmann::json wanted = {{"url", url}, {"events", {"task.succeeded"}}, {"queues", {queue}}};
    const auto answer = ask(port, post_request("/webhooks", wanted.dump()), 201);
    if (!answer) return base::fail(answer.error().message);
    const auto made = nlohmann::json::parse(answer.value());
    return Webhook(port, "/webhooks/" + made.at("webhook_id").get<std::string>(),
                   made.at("created_at").get<std::string>());
  }
  [[nodiscard]] base::Result<void> disable(bool disabled) const {
    const auto answer =
        ask(port_, patch_request(target_, disabled ? R"({"disabled": true})" : R"({"disabled": false})"));
    if (!answer) return base::fail(answer.error().message);
    return {};
  }
  // Enables it; all that it was not sent is owed at once.
  [[nodiscard]] base::Result<std::uint64_t> enable_and_recover() const {
    if (auto done = disable(false); !done) return base::fail(done.error().message);
    const auto answer =
        ask(port_, post_request(target_ + "/recover", R"({"since": ")" + made_at_ + "\"}"), 202);
    if (!answer) return base::fail(answer.error().message);
    return nlohmann::json::parse(answer.value()).at("matched").get<std::uint64_t>();
  }

 private:
  Webhook(std::uint16_t port, std::string target, std::string made_at)
      : port_(port), target_(std::move(target)), made_at_(std::move(made_at)) {}

  std::uint16_t port_;
  std::string target_;
  std::string made_at_;
};

// ---- how many a second

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Medians of rounds: what else a machine does comes in bursts, which hit some of them.
class Rate {
 public:
  void add_round(std::uint64_t count, double seconds) {
    rounds_.push_back(seconds > 0 ? static_cast<double>(count) / seconds : 0);
  }
  [[nodiscard]] double per_second() const { return median_of(rounds_); }
  // Each round against the one that the other had directly behind it, when the machine was as fast as then.
  [[nodiscard]] double ratio_to(const Rate& other) const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(rounds_.size(), other.rounds_.size()); ++i) {
      if (other.rounds_[i] > 0) ratios.push_back(rounds_[i] / other.rounds_[i]);
    }
    return median_of(std::move(ratios));
  }

 private:
  std::vector<double> rounds_;
};

// What the server needs for it.
struct CpuTime {
  std::uint64_t count = 0;
  double seconds = 0;
};

// Of a request's head: its headers, but for what libcurl says by itself.
std::vector<std::string> lines_of(std::string_view head) {
  std::vector<std::string> lines;
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.starts_with("\r\n")) {
    const auto end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    if (!line.starts_with("Host:") && !line.starts_with("Content-Length:")) lines.emplace_back(line);
    head.remove_prefix(end + 2);
  }
  return lines;
}

base::Result<void> add_tally(EventReceiver& receiver, std::uint64_t count, Rate& rate) {
  const auto tally = receiver.wait_for(count);
  if (!tally) return base::fail(tally.error().message);
  rate.add_round(count, tally.value().seconds());
  return {};
}

// The receiver answers nothing until all of it is owed.
base::Result<void> deliver_what_is_owed(const Server& server, EventReceiver& receiver, std::uint64_t count,
                                        Rate& rate, CpuTime& cpu) {
  receiver.hold();
  if (auto done = run_tasks(server, R"({"type": "echo", "payload": 17, "queue": "threads"})", count); !done)
    return done;
  const auto before = server.subject().figures();
  receiver.release();
  if (auto done = add_tally(receiver, count, rate); !done) return done;
  const auto after = server.subject().figures();
  if (!before || !after) return base::fail("the server has gone");
  cpu.count += count;
  cpu.seconds += after.value().cpu_seconds - before.value().cpu_seconds;
  return {};
}

base::Result<void> post(const BarePosts& posts, EventReceiver& receiver, Rate& rate) {
  receiver.restart_tally();
  if (auto done = send_bare_posts(posts); !done) return done;
  return add_tally(receiver, posts.count, rate);
}

base::Result<void> measure_rate(const Plan& plan, const Server& server, Report& report) {
  base::Mutex mutex;
  BarePosts posts;  // what the server sends, byte for byte
  EventReceiver::Options options;
  options.on_request = [&mutex, &posts](std::string_view head, std::string_view body) {
    base::MutexLock lock(mutex);
    if (posts.body.empty()) {
      posts.headers = lines_of(head);
      posts.body = body;
    }
  };
  EventReceiver receiver(options);
  if (auto done = receiver.start(); !done) return done;
  const auto webhook = Webhook::add(server.subject().port, receiver.url(), "threads");
  if (!webhook) return base::fail(webhook.error().message);
  posts.url = receiver.url();
  posts.in_flight = in_flight;
  posts.count = plan.webhooks();
  Rate delivered;
  CpuTime cpu;
  Rate posted_bare;
  Rate posted_same;
  for (int round = 0; round < plan.webhook_rounds(); ++round) {
    auto done = deliver_what_is_owed(server, receiver, plan.webhooks(), delivered, cpu);
    if (!done) return done;
    BarePosts bare = posts;
    bare.headers = {"content-type: application/json"};
    done = post(bare, receiver, posted_bare);
    if (done) done = post(posts, receiver, posted_same);
    if (!done) return done;
  }
  const auto beside = [&delivered](const char* name, const Rate& posted, const char* expected) {
    return Limit{name, posted.per_second(), expected, delivered.ratio_to(posted)};
  };
  report.figures.push_back({"webhooks to one endpoint, all owed at once",
                            delivered.per_second(),
                            "/s",
                            {},
                            {},
                            {beside("bare POSTs by curl's multi loop", posted_bare, "at least 0.5"),
                             beside("the same with the same headers", posted_same, "")}});
  report.figures.push_back(
      {"CPU time of a webhook", cpu.seconds * 1e6 / static_cast<double>(cpu.count), "us"});
  return webhook.value().disable(true);
}

// ---- how long after the end

// From the end that the event tells of until now; the end is known to the millisecond, cut off.
std::chrono::nanoseconds age_of(std::string_view event) {
  constexpr std::string_view name = R"("finished_at":")";
  const auto at = event.find(name);
  if (at == std::string_view::npos) return std::chrono::nanoseconds(0);
  const std::string_view rest = event.substr(at + name.size());
  const auto finished = api::parse_time(rest.substr(0, rest.find('"')));
  if (!finished) return std::chrono::nanoseconds(0);
  return std::chrono::system_clock::now() - *finished;
}

// Counts how long after their end the webhooks of tasks come.
class LatencyReceiver {
 public:
  LatencyReceiver()
      : receiver_({true, [this](std::string_view, std::string_view body) { take(age_of(body)); }}) {}
  [[nodiscard]] EventReceiver& receiver() { return receiver_; }
  // For a slice a task is started, and when its webhook has come, the next.
  base::Result<void> take_turn(const Plan& plan, const Server& server, LatencyHistogram& latency) {
    {
      base::MutexLock lock(mutex_);
      latency_ = {};
    }
    receiver_.restart_tally();
    auto fd = connect_to(server.subject().port);
    if (!fd) return base::fail(fd.error().message);
    const std::string start =
        post_request("/start-task", R"({"type": "echo", "payload": 17, "queue": "threads"})");
    const auto end = Clock::now() + plan.slice();
    for (std::uint64_t count = 1; Clock::now() < end; ++count) {
      if (auto answer = exchange(fd->get(), start); !answer) return base::fail(answer.error().message);
      if (auto come = receiver_.wait_for(count); !come) return base::fail(come.error().message);
    }
    base::MutexLock lock(mutex_);
    latency.add(latency_);
    return {};
  }

 private:
  void take(std::chrono::nanoseconds age) {
    base::MutexLock lock(mutex_);
    latency_.add(age);
  }

  base::Mutex mutex_;
  LatencyHistogram latency_ GUARDED_BY(mutex_);
  EventReceiver receiver_;
};

// An address where nobody listens.
base::Result<std::string> url_of_nobody() {
  EventReceiver gone({});
  if (auto done = gone.start(); !done) return base::fail(done.error().message);
  return gone.url();
}

Figure figure_of(const std::string& name, const LatencyHistogram& with, const LatencyHistogram& without) {
  const auto milliseconds = [](const LatencyHistogram& latency) {
    return std::chrono::duration<double, std::milli>(latency.quantile(0.99)).count();
  };
  return {"p99 from a task's end to its webhook, " + name,    milliseconds(with), "ms", {}, {},
          {{"without", milliseconds(without), "at most 1.5"}}};
}

base::Result<void> measure_delay(const Plan& plan, const Server& server, Report& report) {
  const std::uint16_t port = server.subject().port;
  LatencyReceiver good;
  EventReceiver silent({false, {}});
  if (auto done = good.receiver().start(); !done) return done;
  if (auto done = silent.start(); !done) return done;
  const auto nobody = url_of_nobody();
  if (!nobody) return base::fail(nobody.error().message);
  const auto webhook = Webhook::add(port, good.receiver().url(), "threads");
  const std::array dead = {Webhook::add(port, nobody.value(), "commands"),
                           Webhook::add(port, silent.url(), "commands")};
  if (!webhook || !dead[0] || !dead[1]) return base::fail("a webhook was refused");
  for (const auto& one : dead) {
    if (auto done = one.value().disable(true); !done) return done;
  }
  if (auto done = run_tasks(server, R"({"type": "echo", "queue": "commands"})", plan.dead_webhooks()); !done)
    return done;
  LatencyHistogram without;
  std::array<LatencyHistogram, 2> with;
  for (int round = 0; round < plan.rounds(); ++round) {
    if (auto done = good.take_turn(plan, server, without); !done) return done;
    for (std::size_t i = 0; i < dead.size(); ++i) {
      const auto owed = dead[i].value().enable_and_recover();
      if (!owed) return base::fail(owed.error().message);
      if (round == 0 && owed.value() != plan.dead_webhooks())
        return base::fail("recover found " + std::to_string(owed.value()) + " deliveries");
      if (auto done = good.take_turn(plan, server, with[i]); !done) return done;
      if (auto done = dead[i].value().disable(true); !done) return done;
    }
  }
  report.figures.push_back(figure_of("another endpoint refusing 10,000", with[0], without));
  report.figures.push_back(figure_of("another endpoint silent to 10,000", with[1], without));
  return webhook.value().disable(true);
}

}  // namespace

base::Result<void> measure_webhooks(const Plan& plan, Server& server, Report& report) {
  if (auto done = measure_rate(plan, server, report); !done) return done;
  return measure_delay(plan, server, report);
}

}  // namespace longhaul::bench
