// Verifies deliveries with the public package of Standard Webhooks. On stdin a JSON array of
// {"secret", "headers", "body"}, the body in base64; on stdout an array of what each turned out to be: the type
// of its event, or "refused: ..." when the signature does not fit.
"use strict";

const { Webhook } = require("standardwebhooks");

const deliveries = JSON.parse(require("fs").readFileSync(0, "utf8"));
const verdicts = deliveries.map(({ secret, headers, body }) => {
  try {
    return new Webhook(secret).verify(Buffer.from(body, "base64").toString("utf8"), headers).type;
  } catch (error) {
    return `refused: ${error.message}`;
  }
});
process.stdout.write(JSON.stringify(verdicts));
