// A receiver of webhooks that speaks HTTP/2 over TLS, and HTTP/1.1 to who does not: node http2_receiver.js KEY CERTIFICATE.
// Prints its port, then a line of JSON for each request: the number of its connection, from 1, the version of HTTP and
// the path. It runs until its stdin ends. What a path answers:
//
//   /together/N   204, to all of them once N are waiting
//   /silent-first nothing on the first connection, 204 on others
//   /reset-first  the same, but the stream is reset
//   /lost-first   204 to the first request of the first connection; its second one ends the connection
//   /goaway       204, and the connection takes no more
//   others        204
"use strict";

const fs = require("fs");
const http2 = require("http2");

const [, , key, certificate] = process.argv;
const connections = new Map(); // of TLS, by what node has for it
const waiting = [];
const server = http2.createSecureServer({ key: fs.readFileSync(key), cert: fs.readFileSync(certificate), allowHTTP1: true });

function connectionOf(request) {
  // Of HTTP/2 all requests of a connection share the session.
  const owner = request.httpVersion === "2.0" ? request.stream.session : request.socket;
  if (!connections.has(owner)) connections.set(owner, { number: connections.size + 1, requests: 0 });
  const connection = connections.get(owner);
  ++connection.requests;
  return connection;
}

function answer(response) {
  response.writeHead(204);
  response.end();
}

function handle(request, response) {
  const path = request.url;
  const connection = connectionOf(request);
  console.log(JSON.stringify({ connection: connection.number, version: request.httpVersion, path }));
  const together = /^\/together\/(\d+)$/.exec(path);
  if (together) {
    waiting.push(response);
    if (waiting.length >= Number(together[1])) waiting.splice(0).forEach(answer);
  } else if (path === "/silent-first" && connection.number === 1) {
    return;
  } else if (path === "/reset-first" && connection.number === 1) {
    request.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  } else if (path === "/lost-first" && connection.number === 1 && connection.requests > 1) {
    request.stream.session.destroy();
  } else {
    answer(response);
    if (path === "/goaway") request.stream.session.close();
  }
}

server.on("request", (request, response) => {
  request.on("error", () => {});
  response.on("error", () => {});
  request.resume();
  request.on("end", () => handle(request, response));
});
server.on("sessionError", () => {});
server.on("tlsClientError", () => {});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
