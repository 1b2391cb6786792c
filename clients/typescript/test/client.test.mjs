// The client against a scripted API: node --test
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { ApiError, CharacterIdentityClient, DeadlinePassed, JobFailed } from "../dist/index.js";

const IDENTITY = { characterId: "i1", status: "training", progress: 40, error: null };
const GENERATION = { generationId: "g1", characterId: "i1", status: "queued", scoring: "pending", error: null };

/** A client whose API gives one answer after the other, the last one for ever, and whose time only sleeps. */
function scripted(...answers) {
  const calls = [];
  const slept = [];
  let now = 0;
  const fetch = async (url, init) => {
    calls.push({ url, ...init, headers: new Headers(init.headers) });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer.clone() : Response.json(answer);
  };
  const sleep = async (milliseconds) => {
    slept.push(milliseconds);
    now += milliseconds;
  };
  const options = { apiUrl: "https://api.test/prod/", token: "a-token", fetch, sleep, now: () => now };
  return { api: new CharacterIdentityClient(options), calls, slept };
}

function refusal(status, body = { code: "busy", message: "Later." }, headers = {}) {
  return Response.json(body, { status, headers });
}

const lost = new TypeError("fetch failed");

test("a token never crosses a network in clear text", () => {
  assert.throws(() => new CharacterIdentityClient({ apiUrl: "http://api.test", token: "t" }), /HTTPS/);
  for (const apiUrl of ["http://127.0.0.1:8000", "http://[::1]:1", "http://x.localhost:4566"]) {
    new CharacterIdentityClient({ apiUrl, token: "t" });
  }
});

test("calls carry the token, keep the base path and encode what stands in it", async () => {
  const { api, calls } = scripted(IDENTITY);
  assert.equal((await api.getIdentity("a/b?c")).progress, 40);
  assert.equal(calls[0].url, "https://api.test/prod/v1/identities/a%2Fb%3Fc");
  assert.equal(calls[0].headers.get("Authorization"), "Bearer a-token");
});

test("an answer may lead elsewhere, where the token does not go, and an order may not", async () => {
  const seen = [];
  const store = createServer((request, response) => {
    seen.push(request.headers.authorization ?? null);
    response.setHeader("Content-Type", "text/csv").end("a,b");
  });
  const door = createServer((request, response) => {
    seen.push(request.headers.authorization ?? null);
    response.writeHead(303, { Location: `http://127.0.0.1:${store.address().port}/results.csv` }).end();
  });
  await Promise.all([store, door].map((server) => new Promise((done) => server.listen(0, "127.0.0.1", done))));
  const options = { apiUrl: `http://127.0.0.1:${door.address().port}`, token: "t", sleep: async () => {} };
  const api = new CharacterIdentityClient(options);
  assert.equal(await api.getEvaluationResult("e1", "results.csv"), "a,b");
  assert.deepEqual(seen, ["Bearer t", null]);
  await assert.rejects(api.createWebhook("https://hooks.test"));
  assert.equal(seen.length, 3);
  for (const server of [store, door]) server.closeAllConnections(), server.close();
});

test("a token that is fetched is fetched anew for every attempt", async () => {
  const { calls, api } = scripted(IDENTITY);
  const tokens = ["first", "second"];
  const fetch = async (url, init) => {
    calls.push(new Headers(init.headers).get("Authorization"));
    return calls.length === 1 ? refusal(503) : Response.json(IDENTITY);
  };
  const again = new CharacterIdentityClient({
    apiUrl: "https://api.test", token: async () => tokens.shift(), fetch, sleep: async () => {},
  });
  await again.getIdentity("i1");
  assert.deepEqual(calls, ["Bearer first", "Bearer second"]);
  assert.ok(api);
});

test("a token that is none is not told", async () => {
  for (const token of ["a-secret\nb-secret", "a-secret\0", "a-secret\u2026"]) {
    let calls = 0;
    const fetch = async () => (calls++, Response.json(IDENTITY));
    for (const given of [token, async () => token]) {
      const options = { apiUrl: "https://api.test", token: given, fetch, sleep: async () => {} };
      const raised = await new CharacterIdentityClient(options).getIdentity("i1").catch((it) => it);
      assert.match(raised.message, /^The token has/);
      assert.doesNotMatch(`${raised.stack}${raised.cause}`, /secret/);
    }
    assert.equal(calls, 0);
  }
});

for (const trouble of [lost, refusal(500), refusal(502), refusal(503), refusal(504)]) {
  test(`an order is repeated with its key after ${trouble.status ?? "no answer"}`, async () => {
    const { api, calls, slept } = scripted(trouble, trouble, GENERATION);
    await api.createGeneration("i1", { prompt: "x" });
    const keys = calls.map((call) => call.headers.get("Idempotency-Key"));
    assert.equal(keys.length, 3);
    assert.equal(new Set(keys).size, 1);
    assert.match(keys[0], /^[0-9a-f]{32}$/);
    assert.deepEqual(slept, [600, 1200]);
  });
}

test("an order whose answer breaks off is repeated with its key, and so is a picture", async () => {
  const broken = () => new Response(new ReadableStream({ pull: (it) => it.error(lost) }));
  const { api, calls } = scripted(GENERATION);
  const answers = [broken(), Response.json(GENERATION), broken(), new Response("picture")];
  const fetch = async (url, init) => {
    calls.push(new Headers(init.headers).get("Idempotency-Key"));
    return answers.shift();
  };
  const options = { apiUrl: "https://api.test", token: "t", fetch, sleep: async () => {} };
  const again = new CharacterIdentityClient(options);
  assert.equal((await again.createGeneration("i1", { prompt: "x" })).generationId, "g1");
  assert.equal(calls[0], calls[1]);
  assert.equal(await (await again.download("https://store.test/1.jpg")).text(), "picture");
  assert.equal(calls.length, 4);
  assert.ok(api);
});

test("an order has a key on a page without https, where there is no randomUUID", async (context) => {
  context.mock.method(crypto, "randomUUID", () => assert.fail("crypto.randomUUID is not a function"));
  const { api, calls } = scripted(GENERATION);
  await api.createGeneration("i1", { prompt: "x" });
  assert.match(calls[0].headers.get("Idempotency-Key"), /^[0-9a-f]{32}$/);
});

test("two orders have two keys, and a key that is given is taken", async () => {
  const { api, calls } = scripted(GENERATION);
  await api.createGeneration("i1", { prompt: "x" });
  await api.createGeneration("i1", { prompt: "x" });
  await api.createGeneration("i1", { prompt: "x" }, { idempotencyKey: "mine" });
  const keys = calls.map((call) => call.headers.get("Idempotency-Key"));
  assert.notEqual(keys[0], keys[1]);
  assert.equal(keys[2], "mine");
});

test("what would be there twice is not asked for again when the answer is lost", async () => {
  const { api, calls } = scripted(lost);
  await assert.rejects(api.createWebhook("https://hooks.test"), lost);
  await assert.rejects(api.call("proxy_fal_instant", { body: {} }), lost);
  assert.equal(calls.length, 2);
});

test("a call is given up in the end, with what was said last", async () => {
  const { api, calls } = scripted(refusal(503));
  await assert.rejects(api.getIdentity("i1"), { name: "ApiError", status: 503, code: "busy" });
  assert.equal(calls.length, 4);
});

test("the API says when to ask again, for 90 s in all", async () => {
  const soon = refusal(409, { code: "request_in_flight", message: "Soon." }, { "Retry-After": "40" });
  const { api, slept } = scripted(soon, soon, GENERATION);
  await api.createGeneration("i1", { prompt: "x" });
  assert.deepEqual(slept, [40_000, 40_000]);
  const never = scripted(soon);
  await assert.rejects(never.api.createGeneration("i1", { prompt: "x" }), { code: "request_in_flight" });
  assert.deepEqual(never.slept, [40_000, 40_000]);
});

test("a refusal is not repeated, and nothing of it is lost", async () => {
  const warning = { code: "blurred", severity: "warning", reference: 0, message: "m", advice: "Take another." };
  const error = { ...warning, code: "too_few_references", severity: "error", reference: null, advice: "Add some." };
  const body = { code: "too_few_references", message: "At least 5.", details: [error, warning] };
  const { api, calls } = scripted(refusal(400, body, { "X-Request-Id": "r1" }));
  const raised = await api.createIdentity({ name: "a", provider: "astria", references: [] }).catch((it) => it);
  assert.ok(raised instanceof ApiError);
  assert.deepEqual(
    [raised.status, raised.code, raised.message, raised.details, raised.requestId, raised.advice],
    [400, "too_few_references", "At least 5.", [error, warning], "r1", ["Add some."]],
  );
  assert.deepEqual(raised.findings, [error, warning]);
  assert.equal(calls.length, 1);
});

for (const body of ["<html>", "[1]", "", "null"]) {
  test(`an error of something in between is an ApiError: ${body}`, async () => {
    const { api } = scripted(new Response(body, { status: 403, statusText: "Forbidden" }));
    await assert.rejects(api.getIdentity("i1"), { name: "ApiError", status: 403, code: "unknown", message: "Forbidden" });
  });
}

test("an answer that is not JSON is an error", async () => {
  const { api } = scripted(new Response("{", { headers: { "Content-Type": "application/json" } }));
  await assert.rejects(api.getIdentity("i1"), { code: "unreadable_answer" });
});

test("a list asks for its pages as they are needed, and an empty one is not its end", async () => {
  const pages = [
    { identities: [{ characterId: "1" }], nextCursor: "a" },
    { identities: [], nextCursor: "b" },
    { identities: [{ characterId: "2" }] },
  ];
  const { api, calls } = scripted(...pages);
  const found = [];
  for await (const each of api.listIdentities({ status: "ready" })) {
    if (found.length === 0) assert.equal(calls.length, 1);
    found.push(each.characterId);
  }
  assert.deepEqual(found, ["1", "2"]);
  const queries = calls.map((call) => new URL(call.url).search);
  assert.deepEqual(queries, [
    "?limit=100&status=ready",
    "?limit=100&status=ready&cursor=a",
    "?limit=100&status=ready&cursor=b",
  ]);
});

test("pictures go to their tickets without the token, all fields before the file", async () => {
  const tickets = ["k0", "k1"].map((key) => ({ key, url: `https://store.test/${key}`, fields: { policy: "p" } }));
  const stored = new Response(null, { status: 204 });
  const { api, calls } = scripted(Response.json({ uploads: tickets }, { status: 201 }), stored);
  const named = new File(["first"], "a.PNG");
  const blob = new Blob(["second"], { type: "image/webp" });
  assert.deepEqual(await api.uploadReferences([named, blob]), ["k0", "k1"]);
  const [asked, first, second] = calls;
  assert.deepEqual(JSON.parse(asked.body).files, [
    { name: "a.PNG", contentType: "image/png", sizeBytes: 5 },
    { name: "2.webp", contentType: "image/webp", sizeBytes: 6 },
  ]);
  assert.equal(first.headers.get("Authorization"), null);
  assert.deepEqual([...first.body.keys()], ["policy", "file"]);
  assert.deepEqual([first.body.get("file").name, first.body.get("file").type], ["a.PNG", "image/png"]);
  assert.equal(second.url, "https://store.test/k1");
});

test("over a slow line no picture is begun with a ticket that has run out", async () => {
  let now = 0;
  const givenAt = [];
  const fetch = async (url, init) => {
    if (!url.startsWith("https://store.test/")) {
      const { files } = JSON.parse(init.body);
      const uploads = files.map(({ name }) => ({ key: name, url: `https://store.test/${givenAt.push(now) - 1}`, fields: {} }));
      return Response.json({ uploads }, { status: 201 });
    }
    if (now > givenAt[url.split("/").at(-1)] + 15 * 60_000) return refusal(403);
    now += 200_000; // a photograph of 20 MB at one megabit a second
    return new Response(null, { status: 204 });
  };
  const api = new CharacterIdentityClient({ apiUrl: "https://api.test", token: "t", fetch, now: () => now });
  const names = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `${number}.jpg`);
  assert.deepEqual(await api.uploadReferences(names.map((name) => new File(["x"], name))), names);
});

test("a wait ends with the outcome, and every look at it is told", async () => {
  const ready = { ...IDENTITY, status: "ready", progress: 100 };
  const { api, slept } = scripted(IDENTITY, IDENTITY, ready);
  const told = [];
  const found = await api.waitFor(IDENTITY, { onProgress: (it) => told.push(it.progress) });
  assert.equal(found.status, "ready");
  assert.deepEqual(told, [40, 40, 40, 100]);
  assert.deepEqual(slept.map(Math.round), [300, 390, 507]);
});

test("a generation may be waited for until it is scored", async () => {
  const done = { ...GENERATION, status: "succeeded" };
  const scored = { ...done, scoring: "complete" };
  assert.equal((await scripted(done, scored).api.waitFor(GENERATION)).scoring, "pending");
  assert.equal((await scripted(done, scored).api.waitFor(GENERATION, { until: "scored" })).scoring, "complete");
});

test("a job that failed says why", async () => {
  const failed = { ...IDENTITY, status: "failed", error: { code: "training_failed", message: "It is over." } };
  const raised = await scripted(failed).api.waitFor(IDENTITY).catch((it) => it);
  assert.ok(raised instanceof JobFailed);
  assert.deepEqual([raised.code, raised.message], ["training_failed", "It is over."]);
});

test("an evaluation is waited for until it is completed, and one that was cancelled has failed", async () => {
  const running = { evaluationId: "e1", status: "running", error: null };
  const found = await scripted({ ...running, status: "completed" }).api.waitFor(running);
  assert.equal(found.status, "completed");
  const cancelled = scripted({ ...running, status: "cancelled" }).api.waitFor(running);
  await assert.rejects(cancelled, { name: "JobFailed", code: "cancelled" });
});

/** A training of five minutes that is out of sight from one second to another, and what its wait ends with. */
async function outOfSight(trouble, since, to, options = {}) {
  let now = 0;
  const fetch = async () => {
    if (since * 1000 <= now && now < to * 1000) {
      if (trouble instanceof Error) throw trouble;
      return trouble.clone();
    }
    return Response.json({ ...IDENTITY, status: now < 300_000 ? "training" : "ready" });
  };
  const sleep = async (milliseconds) => void (now += milliseconds);
  const api = new CharacterIdentityClient({ apiUrl: "https://api.test", token: "t", fetch, sleep, now: () => now });
  const end = await api.waitFor(IDENTITY, options).catch((it) => it);
  return { end, seconds: now / 1000 };
}

test("a job that is out of sight for a minute is waited for, and no longer than that", async () => {
  for (const trouble of [lost, refusal(503)]) assert.equal((await outOfSight(trouble, 10, 100)).end.status, "ready");
  const gone = await outOfSight(lost, 10, Infinity);
  assert.equal(gone.end, lost);
  assert.ok(gone.seconds >= 120 && gone.seconds < 160, `${gone.seconds}`);
  const erased = await outOfSight(refusal(404, { code: "unknown_identity" }), 10, Infinity);
  assert.equal(erased.end.code, "unknown_identity");
  assert.ok(erased.seconds < 20);
  const late = await outOfSight(lost, 10, 100, { timeoutMs: 30_000 });
  assert.ok(late.end instanceof DeadlinePassed && late.seconds <= 40, `${late.seconds}`);
});

test("a wait has a deadline", async () => {
  const { api, slept } = scripted(IDENTITY);
  await assert.rejects(api.waitFor(IDENTITY, { timeoutMs: 1000 }), DeadlinePassed);
  const running = { evaluationId: "e1", status: "running", error: null };
  for (const [job, name] of [[IDENTITY, "identity i1"], [GENERATION, "generation g1"], [running, "evaluation e1"]]) {
    const raised = await scripted(job).api.waitFor(job, { timeoutMs: 0 }).catch((it) => it);
    assert.equal(raised.message, `Waited 0 s for ${name}; the job goes on.`);
  }
  assert.equal(slept.reduce((sum, each) => sum + each, 0), 1000);
});

test("a signal ends a wait between two looks, and a call", async () => {
  const controller = new AbortController();
  const fetch = async () => Response.json(IDENTITY);
  const api = new CharacterIdentityClient({ apiUrl: "https://api.test", token: "t", fetch });
  const waiting = api.waitFor(IDENTITY, { signal: controller.signal, onProgress: () => controller.abort() });
  await assert.rejects(waiting, { name: "AbortError" });
  await assert.rejects(api.getIdentity("i1", { signal: controller.signal }), { name: "AbortError" });
});

test("a signal ends the wait for a token, and for an answer that does not end", async () => {
  const never = new Promise(() => {});
  const endless = async (_, { signal }) =>
    new Response(new ReadableStream({ start: (it) => signal.addEventListener("abort", () => it.error(signal.reason)) }));
  for (const [token, fetch] of [[() => never, endless], ["t", endless], ["t", () => never]]) {
    const api = new CharacterIdentityClient({ apiUrl: "https://api.test", token, fetch });
    for (const call of [(signal) => api.getIdentity("i1", { signal }), (signal) => api.listIdentities({}, { signal }).next()]) {
      const controller = new AbortController();
      const waiting = call(controller.signal);
      setTimeout(() => controller.abort(new Error("given up")));
      await assert.rejects(waiting, { message: "given up" });
    }
  }
});

test("a file over a slow line is waited for as long as something comes, and a silent one is given up", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(AbortSignal, "timeout", (milliseconds) => {
    const late = new AbortController();
    setTimeout(() => late.abort(new DOMException("late", "TimeoutError")), milliseconds);
    return late.signal;
  });
  const headers = { "Content-Type": "image/png" };
  let calls = 0;
  // A part a minute, for seven minutes: weights of 90 MB at two megabits a second. The first time it stops after four.
  const fetch = async (_, { signal }) => {
    const call = ++calls;
    let parts = 0;
    const start = (it) => signal.addEventListener("abort", () => it.error(signal.reason));
    const pull = (it) => {
      t.mock.timers.tick(call === 1 && parts === 4 ? 121_000 : 60_000);
      if (signal.aborted) return;
      if (++parts < 8) it.enqueue(new TextEncoder().encode(String(parts)));
      else it.close();
    };
    return new Response(new ReadableStream({ start, pull }, { highWaterMark: 0 }), { headers });
  };
  const slept = [];
  const sleep = async (milliseconds) => void slept.push(milliseconds);
  const api = new CharacterIdentityClient({ apiUrl: "https://api.test", token: "t", fetch, sleep });
  const file = await api.download("https://store.test/lora.safetensors");
  assert.deepEqual([await file.text(), file.type, slept], ["1234567", "image/png", [600]]);
});

test("a whole job is one call", async () => {
  const ticket = { key: "k", url: "https://store.test/k", fields: {} };
  const ready = { ...IDENTITY, status: "ready" };
  const scored = { ...GENERATION, status: "succeeded", scoring: "complete" };
  const { api, calls } = scripted({ uploads: [ticket] }, new Response(null, { status: 204 }), IDENTITY, ready, scored);
  const references = ["https://x.test/1.jpg", new Blob(["x"], { type: "image/png" })];
  const result = await api.run({ name: "Jane", provider: "fal-lora", references, prompt: "Jane on a boat" });
  assert.deepEqual([result.identity, result.generation], [ready, scored]);
  assert.deepEqual(JSON.parse(calls[2].body), {
    name: "Jane", provider: "fal-lora", references: ["https://x.test/1.jpg", "k"],
  });
  assert.deepEqual(JSON.parse(calls.at(-1).body), { prompt: "Jane on a boat" });
});
