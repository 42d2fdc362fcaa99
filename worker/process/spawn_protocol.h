// What the server, the spawner and the shims say to each other: small fixed structures over SOCK_SEQPACKET
// sockets, so that a message arrives whole or not at all. Both ends are always the same binary: there is no
// version and no byte order to mind.
//
//   from      to        what            over
//   server    spawner   ControlHeader   the control socket; with `spawn` come arguments and environment, and
//                                       five descriptors (SpawnEnds)
//   spawner   server    SpawnerMessage  the control socket
//   server    shim      StopOrder       the attempt's own socket, its "lifeline"
//   shim      server    ShimReport      the lifeline: whoever sees it close knows that the other one is gone
//
// Thread-safety: functions without state. Errors: false, nothing or errno, as each says.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/unique_fd.h"

namespace longhaul::worker::process {

inline constexpr int control_descriptor = 3;   // of the spawner
inline constexpr int progress_descriptor = 3;  // of a program
inline constexpr std::size_t spawn_message_bytes = 128 * 1024;

// ---- server and spawner

enum class ControlKind : std::uint32_t {
  spawn,
  kill_shim,  // of `token`
  ping,       // to be answered with a pong, to see that it works
};
struct ControlHeader {
  ControlKind kind = ControlKind::spawn;
  std::uint32_t argument_count = 0;
  std::uint32_t environment_count = 0;
  std::uint32_t unused = 0;
  std::int64_t token = 0;
  std::int64_t cpu_seconds = -1;  // less than 0: no limit
  std::int64_t open_files = -1;
};

enum class SpawnerKind : std::uint32_t {
  ready,         // the spawner works
  orphans_gone,  // the shim of `token` died, and nothing that it left behind runs any more
  pong,
};
struct SpawnerMessage {
  SpawnerKind kind = SpawnerKind::ready;
  std::uint32_t unused = 0;
  std::int64_t token = 0;
};

// The program's ends of its pipes and the shim's end of the lifeline, in the order they travel.
struct SpawnEnds {
  static constexpr std::size_t count = 5;
  base::UniqueFd input;
  base::UniqueFd output;
  base::UniqueFd log;
  base::UniqueFd progress;
  base::UniqueFd lifeline;
};

struct SpawnRequest {
  std::int64_t token = 0;
  std::vector<std::string> arguments;    // at least one
  std::vector<std::string> environment;  // NAME=value
  std::optional<std::int64_t> cpu_seconds;
  std::optional<std::int64_t> open_files;
};
[[nodiscard]] std::string encode(const SpawnRequest& request);

// A spawn message taken apart. The pointers lead into the message's own bytes and end with a null, as execve
// wants them.
struct SpawnOrder {
  ControlHeader header;
  std::vector<char*> arguments;
  std::vector<char*> environment;
};
// Nothing when the bytes are not a whole spawn message.
[[nodiscard]] std::optional<SpawnOrder> decode(std::span<char> message);

// ---- server and shim

// SIGTERM to the program's group now, SIGKILL to its whole tree after `grace_ms`. A second order can only
// shorten the grace.
struct StopOrder {
  std::int64_t grace_ms = 0;
};

enum class ShimKind : std::uint32_t { started, start_failed, finished };
enum class StartStage : std::uint32_t {
  shim,     // the supervising process could not be made
  lookup,   // the program was not found
  process,  // the program's process could not be made
  exec,     // the program was found but could not be executed
};
struct ShimReport {
  ShimKind kind = ShimKind::started;
  StartStage stage = StartStage::shim;  // start_failed
  std::int32_t error_number = 0;        // start_failed
  std::int32_t pid = 0;                 // started
  std::int64_t start_ticks = 0;         // started
  std::int32_t wait_status = 0;         // finished
  std::int32_t killed = 0;     // finished: 1 when the shim had to send SIGKILL before the leader exited
  std::int32_t abandoned = 0;  // finished: 1 when it was ended because the spawner died
  std::int32_t unused = 0;
  std::int64_t peak_memory_bytes = 0;  // finished: the largest single process of the tree
  std::int64_t cpu_microseconds = 0;   // finished: the whole tree
};

// ---- sockets

struct SocketPair {
  base::UniqueFd here;   // non-blocking
  base::UniqueFd there;  // blocking
};
// Close-on-exec at both ends. Nothing, and errno, when the system has no more.
[[nodiscard]] std::optional<SocketPair> make_socket_pair();

enum class Transfer : std::uint8_t { done, would_block, closed };
[[nodiscard]] Transfer send_bytes(int socket, std::span<const char> bytes,
                                  std::span<const int> descriptors = {});

template <class Message>
[[nodiscard]] Transfer send_message(int socket, const Message& message) {
  static_assert(std::is_trivially_copyable_v<Message>);
  return send_bytes(socket, {reinterpret_cast<const char*>(&message), sizeof message});
}

// One message, without waiting for it. `size` is what came; descriptors that came along are in `descriptors`.
struct Received {
  Transfer transfer = Transfer::closed;
  std::size_t size = 0;
  std::vector<base::UniqueFd> descriptors;
};
[[nodiscard]] Received receive_bytes(int socket, std::span<char> buffer);

// As receive_bytes; a message of the wrong size counts as a closed socket.
template <class Message>
[[nodiscard]] Transfer receive_message(int socket, Message& message) {
  static_assert(std::is_trivially_copyable_v<Message>);
  const Received received = receive_bytes(socket, {reinterpret_cast<char*>(&message), sizeof message});
  if (received.transfer == Transfer::done && received.size != sizeof message) return Transfer::closed;
  return received.transfer;
}

}  // namespace longhaul::worker::process
