// Makes one call with fal's own JavaScript client and writes what came of it as JSON.
// Argument: the name of the call. Input: JSON with key, addresses (host -> base URL) and the call's own values.

const { createHash, createPublicKey, verify } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { createFalClient } = require("@fal-ai/client");

const [name] = process.argv.slice(2);
const { key, addresses, ...given } = JSON.parse(readFileSync(0));

function elsewhere(address) {
  const { protocol, host, pathname, search } = new URL(address);
  if (protocol !== "https:" || !(host in addresses)) throw new Error(`no simulator for ${address}`);
  return addresses[host] + pathname + search;
}

const fal = createFalClient({
  credentials: key,
  requestMiddleware: async (request) => ({ ...request, url: elsewhere(request.url) }),
});

const calls = {
  async run({ endpoint, input }) {
    return fal.run(endpoint, { input });
  },

  async subscribe({ endpoint, input, ...options }) {
    const updates = [];
    const onQueueUpdate = (update) => updates.push(structuredClone(update));
    const result = await fal.subscribe(endpoint, { input, logs: true, onQueueUpdate, ...options });
    return { ...result, updates };
  },

  async stream({ endpoint, input }) {
    const stream = await fal.stream(endpoint, { input });
    const events = [];
    for await (const event of stream) events.push(event);
    return { events, done: await stream.done() };
  },

  async submit({ endpoint, input, ...options }) {
    return fal.queue.submit(endpoint, { input, ...options });
  },

  async result({ endpoint, requestId }) {
    return fal.queue.result(endpoint, { requestId });
  },

  async cancel({ endpoint, requestId }) {
    await fal.queue.cancel(endpoint, { requestId });
    return fal.queue.status(endpoint, { requestId, logs: true });
  },

  async upload({ base64, repeat, type, lifecycle }) {
    const bytes = Buffer.from(base64, "base64");
    return fal.storage.upload(new Blob(Array(repeat).fill(bytes), { type }), { lifecycle });
  },

  async drawFromFile({ endpoint, input, base64, type }) {
    const image_url = new Blob([Buffer.from(base64, "base64")], { type });
    return fal.subscribe(endpoint, { input: { ...input, image_url } });
  },

  // No part of the client: fal's documentation leaves checking a webhook to its receiver.
  async verifyWebhook({ headers, body, jwksUrl }) {
    const { keys } = await (await fetch(jwksUrl)).json();
    const signed = ["request-id", "user-id", "timestamp"].map((part) => headers[`x-fal-webhook-${part}`]);
    const digest = createHash("sha256").update(body).digest("hex");
    const message = Buffer.from([...signed, digest].join("\n"));
    const signature = Buffer.from(headers["x-fal-webhook-signature"], "hex");
    return keys.map((jwk) => verify(null, message, createPublicKey({ key: jwk, format: "jwk" }), signature));
  },
};

calls[name](given).then(
  (value) => console.log(JSON.stringify({ value })),
  ({ name, message, status, body, requestId, isUserTimeout, fieldErrors }) =>
    console.log(
      JSON.stringify({ error: { name, message, status, body, requestId, isUserTimeout, fieldErrors } }),
    ),
);
