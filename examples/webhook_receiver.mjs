// A receiver of webhooks and callbacks, to copy: it verifies each one's signature as Standard Webhooks 1.0.0 says, and does not work
// again on what it has had before. Needs nothing but Node.
//
//     node examples/webhook_receiver.mjs --secret-file secret.txt
//
// The file holds the secret that 'longhaul webhooks add' has printed, or for callbacks that of 'longhaul webhooks secret'; while one
// takes the place of another, both, each on a line.

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const OLDEST_SECONDS = 5 * 60; // what is older may be a copy that somebody has kept and sends again
const BODY_BYTES_MAX = 16 * 1024 * 1024;
const IDS_KEPT = 10_000;

const { values: options } = parseArgs({
  options: {
    "secret-file": { type: "string" },
    listen: { type: "string", default: "127.0.0.1:9000" }, // port 0: a free one
    count: { type: "string", default: "0" }, // end after so many; 0: never
  },
});
if (!options["secret-file"]) {
  console.error("--secret-file is missing: it names the file that holds the secret");
  process.exit(2);
}
const secrets = readFileSync(options["secret-file"], "ascii").split(/\s+/).filter(Boolean);

// Whether somebody who knows one of the secrets has sent this, just now. `body` is a Buffer of the bytes that came.
function isGenuine(headers, body) {
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!/^[0-9]+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > OLDEST_SECONDS) return false;
  // The sender signs with the old secret too while it changes: then there are several signatures, and one that fits is enough.
  const given = (headers["webhook-signature"] ?? "").split(" ").map((text) => Buffer.from(text));
  return secrets.some((secret) => {
    const mac = createHmac("sha256", Buffer.from(secret.replace(/^whsec_/, ""), "base64"));
    mac.update(`${headers["webhook-id"] ?? ""}.${timestamp}.`).update(body);
    const wanted = Buffer.from("v1," + mac.digest("base64"));
    return given.some((one) => one.length === wanted.length && timingSafeEqual(one, wanted));
  });
}

// Yours to write. `revision` grows with each change of a task: what has a smaller one than you know of is old news.
function workOn(event) {
  const task = event.data;
  const what = task.task_id === undefined ? "" : ` of task ${task.task_id}, result ${JSON.stringify(task.result)}`; // else webhook.test
  console.log(`verified: ${event.type}${what}`);
}

const seen = new Set(); // in the order in which they came
let left = Number(options.count);

function take(webhookId, event) {
  if (seen.has(webhookId)) {
    console.log(`had before: ${webhookId}`);
    return;
  }
  seen.add(webhookId);
  if (seen.size > IDS_KEPT) seen.delete(seen.values().next().value);
  workOn(event);
  if (left > 0 && --left === 0) server.close(() => process.exit(0));
}

const server = createServer((request, response) => {
  const pieces = [];
  let bytes = 0;
  request.on("data", (piece) => {
    bytes += piece.length;
    if (bytes <= BODY_BYTES_MAX) pieces.push(piece);
  });
  request.on("end", () => {
    const body = Buffer.concat(pieces);
    if (request.method !== "POST" || bytes > BODY_BYTES_MAX) {
      response.writeHead(request.method === "POST" ? 413 : 405).end();
      return;
    }
    if (!isGenuine(request.headers, body)) {
      console.log("refused: the signature does not fit");
      response.writeHead(401).end();
      return;
    }
    // First: what is to be done with it may take longer than the sender waits. Whoever may not lose an event writes it down before
    // this line, and answers 500 when that fails: then it comes again.
    response.writeHead(204).end(() => take(request.headers["webhook-id"], JSON.parse(body)));
  });
});
server.requestTimeout = 10_000;

const colon = options.listen.lastIndexOf(":");
const host = options.listen.slice(0, colon);
server.listen(Number(options.listen.slice(colon + 1)), host, () => {
  console.log(`listening on http://${host}:${server.address().port}/`);
});
