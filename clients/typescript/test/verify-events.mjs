// Verifies webhooks by ours and by the library of the standard: {messages, secret, old, now} in, verdicts out.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";
import { NotGenuine, verifyWebhook } from "../dist/index.js";

const { messages, secret } = JSON.parse(readFileSync(0, "utf8"));
const verdicts = [];
for (const { headers, body, now } of messages) {
  const options = { now: new Date(now) };
  const ours = await verifyWebhook(secret, headers, body, options).then(
    (event) => event.type,
    (error) => (error instanceof NotGenuine ? null : String(error)),
  );
  const asBytes = await verifyWebhook(["whsec_AAAA", secret], new Headers(headers), Buffer.from(body), options).then(
    (event) => event.type,
    () => null,
  );
  let theirs = null;
  try {
    theirs = new Webhook(secret).verify(body, headers).type;
  } catch {
    // Not genuine, as far as it can tell.
  }
  verdicts.push({ ours, asBytes, theirs });
}
console.log(JSON.stringify({ verdicts }));
