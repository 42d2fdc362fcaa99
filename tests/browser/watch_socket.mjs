// Starts a task and watches it over a WebSocket, by the package `ws`.
//   node watch_socket.mjs SERVER START_BODY
// On stdout a line of JSON for each event, then one for how the connection ended. LONGHAUL_API_KEY is sent along.
import {createRequire} from "node:module";

const {WebSocket} = createRequire(process.env.LONGHAUL_NODE_PACKAGES + "/")("ws");
const [server, body] = process.argv.slice(2);
const key = process.env.LONGHAUL_API_KEY;
const socket = new WebSocket(server.replace("http", "ws") + "/ws", ["longhaul.v1"],
                             {headers: key ? {Authorization: `Bearer ${key}`} : {}});
const final = ["succeeded", "failed", "cancelled", "timed_out"];

socket.on("open", () => {
  socket.ping("are you there?");
  socket.send(JSON.stringify({op: "start", ref: 1, task: JSON.parse(body)}));
});
let pongs = 0;
socket.on("pong", (payload) => { pongs += payload.toString() === "are you there?" ? 1 : 0; });
socket.on("message", (message) => {
  const said = JSON.parse(message);
  if (said.problem) throw new Error(JSON.stringify(said.problem));
  if (said.ok?.task_id) socket.send(JSON.stringify({op: "subscribe", ref: 2, task_id: said.ok.task_id}));
  if (!said.event) return;
  console.log(JSON.stringify(said.event));
  if (final.includes(said.event.data.status)) socket.close(1000);
});
socket.on("close", (code) => console.log(JSON.stringify({code, pongs, protocol: socket.protocol})));
