// Calls every operation: what there is as JSON on stdin, what came of it as JSON on stdout.
import { readFileSync } from "node:fs";
import { CharacterIdentityClient } from "../dist/index.js";

const { apiUrl, token, pictures, eventId, hook, others } = JSON.parse(readFileSync(0, "utf8"));
const api = new CharacterIdentityClient({ apiUrl, token: async () => token });
const bytes = pictures.map((picture) => Buffer.from(picture, "base64"));
const outcome = {};

async function all(entries) {
  const found = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

outcome.providers = (await api.listProviders()).map((provider) => provider.name);
const [first, ...rest] = bytes;
const files = [new File([first], "a.jpg"), ...rest.map((each) => new Blob([each], { type: "image/jpeg" }))];
const keys = await api.uploadReferences(files);
outcome.usable = (await api.checkReferences(keys, { provider: "fal-lora" })).usable;
outcome.estimate = (await api.estimateIdentity({ name: "Sarah", provider: "fal-lora" })).estimateUsd;
const order = { name: "Sarah", provider: "fal-lora", references: keys, className: "woman" };
const ordered = await api.createIdentity(order, { idempotencyKey: "one" });
const again = await api.createIdentity(order, { idempotencyKey: "one" });
outcome.orderedOnce = ordered.characterId === again.characterId;
outcome.refused = await api.createIdentity({ ...order, references: keys.slice(0, 1) }).catch((error) => ({
  name: error.name, status: error.status, code: error.code, advice: error.advice, hasId: Boolean(error.requestId),
}));
outcome.identities = (await all(api.listIdentities({ status: "ready" }))).map((each) => each.characterId).sort();
outcome.name = (await api.getIdentity("i1")).name;
outcome.renamed = (await api.renameIdentity("i1", "Anna")).name;
outcome.cancelled = (await api.cancelIdentity("i3")).status;
outcome.erased = (await api.eraseIdentity("i2")).complete;
outcome.ordered = (await api.createGeneration("i1", { prompt: "Sarah runs" })).status;
outcome.affordable = (await api.estimateGeneration("i1", { prompt: "Sarah runs" })).affordable;
outcome.generations = (await all(api.listGenerations("i1", { status: "succeeded" }))).map((it) => it.generationId);
const generation = await api.waitFor(await api.getGeneration("g1"), { until: "done" });
const [image] = generation.images;
outcome.picture = Buffer.from(await (await api.download(image.imageUrl)).arrayBuffer()).equals(first);
outcome.spent = (await api.getUsage()).limitUsd > 0;
const evaluated = { identities: { "fal-lora": "i1" }, variations: 1 };
outcome.cells = (await api.estimateEvaluation(evaluated)).cells;
outcome.forgotten = (await api.eraseEvaluation("e9")).complete;
const { evaluationId } = await api.createEvaluation(evaluated);
outcome.evaluated = (await api.getEvaluation(evaluationId)).status;
outcome.evaluations = (await all(api.listEvaluations())).map((each) => each.evaluationId === evaluationId);
outcome.unready = await api.getEvaluationResult(evaluationId, "results.csv").catch((error) => error.code);
outcome.unended = await api.eraseEvaluation(evaluationId).catch((error) => error.code);
outcome.givenUp = (await api.cancelEvaluation(evaluationId)).status;
const drawn = { generationId: "g1", imageNumber: 1 };
outcome.compared = (await api.compareImages({ images: [drawn], references: keys.slice(0, 2) })).images.length;
outcome.erasedOne = (await api.eraseGeneration("g1")).generationId;
const { endpointId, secret } = await api.createWebhook(hook);
outcome.secret = secret.startsWith("whsec_");
outcome.webhooks = (await all(api.listWebhooks())).map((webhook) => webhook.endpointId === endpointId);
outcome.chosen = (await api.updateWebhook(endpointId, { types: ["IdentityReady"] })).types;
const tested = await api.testWebhook(endpointId);
outcome.tested = tested.type;
outcome.rotated = (await api.rotateWebhookSecret(endpointId)).secret !== secret;
outcome.posted = await all(api.listWebhookDeliveries(endpointId, { type: "WebhookTest" }));
outcome.sentAgain = (await api.replayEvent(eventId, { endpointId })).deliveries.map((each) => each.state);
outcome.removed = (await api.deleteWebhook(endpointId)) === undefined;
outcome.event = (await api.getEvent(eventId)).type;
outcome.replayed = (await api.replayEvent(eventId)).eventId === eventId;
outcome.others = {};
for (const [id, request] of Object.entries(others)) {
  outcome.others[id] = await api.call(id, request).then(() => 200, (error) => error.code);
}
outcome.methods = Object.getOwnPropertyNames(CharacterIdentityClient.prototype);
console.log(JSON.stringify(outcome));
