/** Calls over fetch: the token, repetitions, errors. */
import { ApiError } from "./errors.js";
import { ROUTES } from "./routes.js";
import type { AnswerOf, OperationId, RequestOf } from "./types.js";

const ATTEMPTS = 4;
/** What may be answered differently a little later. */
export const PASSING: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
/** With Retry-After: an order with the same key is being worked on, or there were too many calls. */
const TOO_EARLY = new Set([409, 429, 503]);
const FIRST_WAIT_MS = 300;
/** The longest to wait in all where the API says when to ask again; it continues a dead order after 60 s. */
const MOST_WAITING_MS = 90_000;
/** API Gateway gives a function 30 s to answer. */
const CALL_MS = 35_000;
const TRANSFER_MS = 120_000;
/** A line that carries less of a file is taken for dead: a quarter of a megabit a second. */
const SLOWEST_BYTES_A_MS = 32;

export interface ClientOptions {
  /** To which paths such as `/v1/identities` are appended. */
  apiUrl: string;
  /** A bearer token, or what gives one that is good now. */
  token: string | (() => string | Promise<string>);
  fetch?: typeof globalThis.fetch;
  /** Waits so many milliseconds, or until the signal ends it. */
  sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** Milliseconds that have passed since some moment. */
  now?: () => number;
}

/** What every call takes. */
export interface CallOptions {
  signal?: AbortSignal;
  /** Of an order: a name of your own for it; who asks again with it within a day gets what it led to. */
  idempotencyKey?: string;
  /** Hold the answer back until it has settled, such as `wait=20` or `wait=20; until=scored`. */
  prefer?: string;
  /** Whether to make the call again when it may have been answered already; orders with a key always are. */
  repeat?: boolean;
}

/** An answer with its body read: one that is lost on the way is no answer. */
interface Answer<Body> {
  response: Response;
  body: Body;
}
/** How to go on when an attempt fails, and when to give one up. */
interface Repeating {
  mayRepeat: boolean;
  /** For the answer to begin, and then for each part of it: as long as something comes it is waited for. */
  limitMs: number;
  signal: AbortSignal | undefined;
}
type Outcome<Body> = Answer<Body> | { failure: unknown };

export class Transport {
  readonly #options: ClientOptions;
  readonly #fetch: typeof globalThis.fetch;
  readonly now: () => number;
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;

  constructor(options: ClientOptions) {
    refuseClearText(options.apiUrl);
    this.#options = options;
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.now = options.now ?? (() => performance.now());
    this.sleep = options.sleep ?? pause;
  }

  /** Call an operation, and again where that may help. */
  async call<Id extends OperationId>(
    id: Id,
    request: RequestOf<Id> & CallOptions,
  ): Promise<AnswerOf<Id>> {
    const { method, path, keyed } = ROUTES[id];
    const { path: values, query, body } = request as {
      path?: Record<string, string>;
      query?: Record<string, unknown>;
      body?: unknown;
    };
    const headers = new Headers({ Accept: "application/json" });
    if (keyed) headers.set("Idempotency-Key", request.idempotencyKey ?? newKey());
    if (request.prefer !== undefined) headers.set("Prefer", request.prefer);
    if (body !== undefined) headers.set("Content-Type", "application/json");
    const url = this.#options.apiUrl.replace(/\/$/, "") + filled(path, values ?? {}) + searchOf(query ?? {});
    const mayRepeat = request.repeat ?? (keyed || method !== "POST");
    const content = body === undefined ? null : JSON.stringify(body);
    const repeating = { mayRepeat, limitMs: CALL_MS, signal: request.signal };
    const answer = await this.#repeated(repeating, textOf, async (signal) => {
      authorize(headers, await this.#token());
      // Where an answer leads on, fetch itself leaves the token behind; nothing but a GET may be led on.
      const redirect = method === "GET" ? "follow" : "error";
      return this.#fetch(url, { method, headers, body: content, signal, redirect });
    });
    return contentOf(answer) as AnswerOf<Id>;
  }

  /** Post a form to a store. Stores get no token: their links carry their own permission. */
  async post(url: string, form: FormData, signal?: AbortSignal): Promise<void> {
    const file = form.get("file");
    const bytes = file instanceof Blob ? file.size : 0;
    const repeating = { mayRepeat: true, limitMs: TRANSFER_MS + bytes / SLOWEST_BYTES_A_MS, signal };
    await this.#repeated(repeating, textOf, (signal) => this.#fetch(url, { method: "POST", body: form, signal }));
  }

  /** What a link leads to. */
  async download(url: string, signal?: AbortSignal): Promise<Blob> {
    const repeating = { mayRepeat: true, limitMs: TRANSFER_MS, signal };
    const asItIs = (body: Blob): Promise<Blob> => Promise.resolve(body);
    return (await this.#repeated(repeating, asItIs, (signal) => this.#fetch(url, { signal }))).body;
  }

  async #token(): Promise<string> {
    const { token } = this.#options;
    return typeof token === "string" ? token : token();
  }

  async #repeated<Body extends string | Blob>(
    { mayRepeat, limitMs, signal }: Repeating,
    read: (body: Blob) => Promise<Body>,
    call: (signal: AbortSignal) => Promise<Response>,
  ): Promise<Answer<Body>> {
    let failures = 0;
    let waited = 0;
    for (;;) {
      const outcome = await outcomeOf(call, read, limitMs, signal);
      signal?.throwIfAborted();
      let delay = toldToWait(outcome);
      if (delay === undefined && mayRepeat && mayPass(outcome)) {
        failures += 1;
        if (failures < ATTEMPTS) delay = FIRST_WAIT_MS * 2 ** failures;
      }
      if (delay === undefined || waited + delay > MOST_WAITING_MS) {
        if ("failure" in outcome) throw outcome.failure;
        if (outcome.response.ok) return outcome;
        throw errorOf(outcome.response, typeof outcome.body === "string" ? outcome.body : await outcome.body.text());
      }
      await this.sleep(delay, signal);
      waited += delay;
    }
  }
}

/** A key that no other order has. A page without https has no `crypto.randomUUID`. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Wait so many milliseconds, or until the signal ends it. */
function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, milliseconds);
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}

/** What a promise gives, unless the signal ends the wait for it. */
function orAborted<T>(wait: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(signal.reason as Error);
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    void wait.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}

/** Let no token cross a network in clear text. */
function refuseClearText(apiUrl: string): void {
  const { protocol, hostname } = new URL(apiUrl);
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(hostname) || hostname.endsWith(".localhost");
  if (protocol !== "https:" && !isLocal) {
    throw new TypeError(`The API must be called over HTTPS, not at ${protocol}//${hostname}.`);
  }
}

/** Have a call carry the token. One that is none is told without it: fetch quotes it. */
function authorize(headers: Headers, token: string): void {
  try {
    headers.set("Authorization", `Bearer ${token}`);
  } catch {
    throw new TypeError("The token has line breaks or other characters that none has.");
  }
}

function filled(path: string, values: Record<string, string>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
}

function searchOf(query: Record<string, unknown>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return given.length > 0 ? `?${search.toString()}` : "";
}

function textOf(body: Blob): Promise<string> {
  return body.text();
}

/** All of an answer; `heard` is called for each part of it that comes. */
async function bodyOf(response: Response, heard: () => void): Promise<Blob> {
  const reader = response.body?.getReader();
  if (!reader) return response.blob();
  const parts: BlobPart[] = [];
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    heard();
  }
  return new Blob(parts, { type: response.headers.get("Content-Type") ?? "" });
}

async function outcomeOf<Body>(
  call: (signal: AbortSignal) => Promise<Response>,
  read: (body: Blob) => Promise<Body>,
  limitMs: number,
  signal: AbortSignal | undefined,
): Promise<Outcome<Body>> {
  const limit = new AbortController();
  const either = signal ? AbortSignal.any([signal, limit.signal]) : limit.signal;
  const giveUp = (): void => limit.abort(new DOMException("Nothing came for too long.", "TimeoutError"));
  let timer = setTimeout(giveUp, limitMs);
  const heard = (): void => {
    clearTimeout(timer);
    if (!either.aborted) timer = setTimeout(giveUp, limitMs);
  };
  const attempt = async (): Promise<Answer<Body>> => {
    const response = await call(either);
    heard();
    return { response, body: await read(await bodyOf(response, heard)) };
  };
  try {
    return await orAborted(attempt(), either);
  } catch (failure) {
    return { failure };
  } finally {
    clearTimeout(timer);
  }
}

/** After how many milliseconds the API wants to be asked again, if it says so. */
function toldToWait(outcome: Outcome<unknown>): number | undefined {
  if ("failure" in outcome || !TOO_EARLY.has(outcome.response.status)) return undefined;
  const seconds = outcome.response.headers.get("Retry-After") ?? "";
  return /^\d+$/.test(seconds) ? Math.max(Number(seconds) * 1000, FIRST_WAIT_MS) : undefined;
}

function mayPass(outcome: Outcome<unknown>): boolean {
  return "failure" in outcome || PASSING.has(outcome.response.status);
}

function contentOf({ response, body: text }: Answer<string>): unknown {
  if (text === "") return undefined;
  if (!response.headers.get("Content-Type")?.includes("json")) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ApiError(response.status, "unreadable_answer", "The API's answer is not JSON.");
  }
}

function errorOf(response: Response, said: string): ApiError {
  let problem: Record<string, unknown> = {};
  try {
    const body: unknown = JSON.parse(said);
    if (typeof body === "object" && body !== null) problem = body as Record<string, unknown>;
  } catch {
    // Something in between has answered.
  }
  const text = (...names: string[]): string | undefined =>
    names.map((name) => problem[name]).find((value) => typeof value === "string");
  return new ApiError(
    response.status,
    text("code") ?? "unknown",
    text("message", "error", "detail") ?? (response.statusText || "There is no explanation."),
    problem["details"],
    response.headers.get("X-Request-Id") ?? undefined,
  );
}
