// Starts a task and watches it by its event stream: Node's own fetch, nothing else.
//   node watch_events.mjs SERVER START_BODY
// On stdout a line of JSON for each event.
const [server, body] = process.argv.slice(2);
const started = await fetch(`${server}/start-task`, {method: "POST", headers: {"Content-Type": "application/json"}, body});
const {task_id} = await started.json();
const stream = await fetch(`${server}/task-status/${task_id}`, {headers: {Accept: "text/event-stream"}});
if (!stream.ok || !stream.headers.get("content-type").startsWith("text/event-stream")) throw new Error(`${stream.status}`);

let text = "";
for await (const piece of stream.body.pipeThrough(new TextDecoderStream())) {
  const blocks = (text + piece).split("\n\n");
  text = blocks.pop();
  for (const block of blocks) {
    const fields = Object.fromEntries(block.split("\n").filter((line) => !line.startsWith(":")).map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon), line.slice(colon + 2)];
    }));
    if (fields.data) console.log(JSON.stringify({id: fields.id, type: fields.event, data: JSON.parse(fields.data)}));
  }
}
