/** The API as methods: one for every operation of its own, and a few for whole jobs. */
import { ApiError, DeadlinePassed, JobFailed } from "./errors.js";
import { PASSING, Transport, type CallOptions, type ClientOptions } from "./transport.js";
import type {
  AnswerOf,
  Attempt,
  Comparison,
  ErasureReceipt,
  Estimate,
  Evaluation,
  EvaluationEstimate,
  EvaluationOrder,
  EvaluationReceipt,
  EvaluationSummary,
  Event,
  EventTypes,
  Generation,
  GenerationOrder,
  GenerationSummary,
  Identity,
  IdentityOrder,
  IdentitySummary,
  NewWebhook,
  OperationId,
  Provider,
  QueryOf,
  ReferenceCheck,
  RequestOf,
  Upload,
  Usage,
  Webhook,
} from "./types.js";

const FIRST_WAIT_MS = 300;
const WAIT_GROWTH = 1.3;
const LONGEST_WAIT_MS = 10_000;
const USUAL_TIMEOUT_MS = 1_800_000;
/** So long a job may be out of sight, as while a machine wakes up, until the wait for it says what is wrong. */
const OUTAGE_MS = 120_000;
const MOST_AT_ONCE = 20;
/** A store takes a file for 15 minutes after its ticket was given; older than this one is not begun with. */
const FRESH_FOR_MS = 600_000;
/** Asking for entries of a list: the API gives no more at once. */
const PAGE = 100;
/** What orders nothing, and may be asked for again. */
const HARMLESS = { repeat: true } as const;
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  jpe: "image/jpeg",
  jfif: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
};

/** A picture of this machine: a `File`, or a `Blob`, which needs a type (image/jpeg, image/png, image/webp). */
export type Picture = File | Blob;

export interface WaitOptions<Job> {
  signal?: AbortSignal;
  /** Milliseconds until the wait is given up; the job goes on. */
  timeoutMs?: number;
  /** Of a generation: whether to wait for its scores too. */
  until?: "done" | "scored";
  /** Sees the job as it is at every poll. */
  onProgress?: (job: Job) => void;
}

/** A whole job: who the character is, and what to draw. */
export interface Job {
  name: string;
  provider: IdentityOrder["provider"];
  /** Pictures to upload, or keys of uploads and https links. */
  references: readonly (Picture | string)[];
  prompt: string | GenerationOrder;
  className?: string;
  signal?: AbortSignal;
  timeoutMs?: number;
  onProgress?: (job: Identity | Generation) => void;
}

/** A character and its pictures. */
export interface Result {
  identity: Identity;
  generation: Generation;
}

/**
 * Calls the API for one owner, and repeats calls that failed or came too early, a few times.
 *
 * Orders carry an idempotency key, by default a new one each, so that a repeated call is not a second order.
 */
export class CharacterIdentityClient {
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
  }

  /** Call any operation of the OpenAPI document by its name. */
  call<Id extends OperationId>(id: Id, request: RequestOf<Id> & CallOptions): Promise<AnswerOf<Id>> {
    return this.#transport.call(id, request);
  }

  async listProviders(options: CallOptions = {}): Promise<Provider[]> {
    return (await this.call("list_providers", options)).providers;
  }

  /** Get upload tickets; `uploadReferences` gets them and uploads. */
  async createReferences(
    files: RequestOf<"create_references">["body"]["files"],
    options: CallOptions = {},
  ): Promise<Upload[]> {
    return (await this.call("create_references", { body: { files }, ...HARMLESS, ...options })).uploads;
  }

  /** Find out what is wrong with pictures, also by the limits of a provider; free. */
  checkReferences(
    references: readonly string[],
    { provider, ...options }: CallOptions & { provider?: IdentityOrder["provider"] } = {},
  ): Promise<ReferenceCheck> {
    const body = { references: [...references], ...(provider ? { provider } : {}) };
    return this.call("check_references", { body, ...HARMLESS, ...options });
  }

  createIdentity(body: IdentityOrder, options: CallOptions = {}): Promise<Identity> {
    return this.call("create_identity", { body, ...options });
  }

  estimateIdentity(
    body: RequestOf<"estimate_identity">["body"],
    options: CallOptions = {},
  ): Promise<Estimate> {
    return this.call("estimate_identity", { body, ...HARMLESS, ...options });
  }

  /** All identities, newest first; pages are asked for as they are needed. */
  listIdentities(
    query: QueryOf<"list_identities"> = {},
    options: CallOptions = {},
  ): AsyncGenerator<IdentitySummary, void, undefined> {
    return this.#entries(query, (page) =>
      this.call("list_identities", { query: page, ...options }).then((it) => [it.identities, it.nextCursor]),
    );
  }

  getIdentity(identity_id: string, options: CallOptions = {}): Promise<Identity> {
    return this.call("get_identity", { path: { identity_id }, ...options });
  }

  /** Call a character by another name; its trigger word and what was ordered before stay as they are. */
  renameIdentity(identity_id: string, name: string, options: CallOptions = {}): Promise<Identity> {
    return this.call("rename_identity", { path: { identity_id }, body: { name }, ...options });
  }

  /** Erase an identity and all that was made of it; the receipt says what remains. */
  eraseIdentity(identity_id: string, options: CallOptions = {}): Promise<ErasureReceipt> {
    return this.call("erase_identity", { path: { identity_id }, ...options });
  }

  /** Give a training up; an identity that is ready or failed stays as it is. */
  cancelIdentity(identity_id: string, options: CallOptions = {}): Promise<Identity> {
    return this.call("cancel_identity", { path: { identity_id }, ...HARMLESS, ...options });
  }

  /** Compare providers on a character; what is set aside is the most that it may cost. */
  createEvaluation(body: EvaluationOrder, options: CallOptions = {}): Promise<Evaluation> {
    return this.call("create_evaluation", { body, ...options });
  }

  estimateEvaluation(body: EvaluationOrder, options: CallOptions = {}): Promise<EvaluationEstimate> {
    return this.call("estimate_evaluation", { body, ...HARMLESS, ...options });
  }

  /** All evaluations, newest first; pages are asked for as they are needed. */
  listEvaluations(
    query: QueryOf<"list_evaluations"> = {},
    options: CallOptions = {},
  ): AsyncGenerator<EvaluationSummary, void, undefined> {
    return this.#entries(query, (page) =>
      this.call("list_evaluations", { query: page, ...options }).then((it) => [it.evaluations, it.nextCursor]),
    );
  }

  getEvaluation(evaluation_id: string, options: CallOptions = {}): Promise<Evaluation> {
    return this.call("get_evaluation", { path: { evaluation_id }, ...options });
  }

  /** Give an evaluation up: what runs is stopped, the money that is left given back; what was drawn has results. */
  cancelEvaluation(evaluation_id: string, options: CallOptions = {}): Promise<Evaluation> {
    return this.call("cancel_evaluation", { path: { evaluation_id }, ...HARMLESS, ...options });
  }

  /** Erase an evaluation that has ended; its identities and generations stay, as the receipt says. */
  eraseEvaluation(evaluation_id: string, options: CallOptions = {}): Promise<EvaluationReceipt> {
    return this.call("erase_evaluation", { path: { evaluation_id }, ...options });
  }

  /** A file of an evaluation that has ended, such as `results.csv`: text, or what a JSON file holds. */
  getEvaluationResult(
    evaluation_id: string,
    file: RequestOf<"get_evaluation_result">["path"]["file"],
    options: CallOptions = {},
  ): Promise<AnswerOf<"get_evaluation_result">> {
    return this.call("get_evaluation_result", { path: { evaluation_id, file }, ...options });
  }

  createGeneration(identity_id: string, body: GenerationOrder, options: CallOptions = {}): Promise<Generation> {
    return this.call("create_generation", { path: { identity_id }, body, ...options });
  }

  estimateGeneration(identity_id: string, body: GenerationOrder, options: CallOptions = {}): Promise<Estimate> {
    return this.call("estimate_generation", { path: { identity_id }, body, ...HARMLESS, ...options });
  }

  /** The generations of an identity, newest first; pages are asked for as they are needed. */
  listGenerations(
    identity_id: string,
    query: QueryOf<"list_generations"> = {},
    options: CallOptions = {},
  ): AsyncGenerator<GenerationSummary, void, undefined> {
    const path = { identity_id };
    return this.#entries(query, (page) =>
      this.call("list_generations", { path, query: page, ...options }).then((it) => [
        it.generations,
        it.nextCursor,
      ]),
    );
  }

  getGeneration(generation_id: string, options: CallOptions = {}): Promise<Generation> {
    return this.call("get_generation", { path: { generation_id }, ...options });
  }

  /** Erase one generation with its pictures and scores, also while it runs. */
  eraseGeneration(generation_id: string, options: CallOptions = {}): Promise<ErasureReceipt> {
    return this.call("erase_generation", { path: { generation_id }, ...options });
  }

  /** The budget of a month, as in `2026-11`; by default of this one. */
  getUsage(month?: string, options: CallOptions = {}): Promise<Usage> {
    return this.call("get_usage", { query: month ? { month } : {}, ...options });
  }

  /** Score pictures against an identity or against references; free, and nothing is stored. */
  compareImages(body: RequestOf<"compare_images">["body"], options: CallOptions = {}): Promise<Comparison> {
    return this.call("compare_images", { body, ...HARMLESS, ...options });
  }

  /** Have events posted to an https address: all, or those of some types. */
  createWebhook(
    url: string,
    { types, ...options }: CallOptions & { types?: EventTypes } = {},
  ): Promise<NewWebhook> {
    return this.call("create_webhook", { body: { url, ...(types ? { types } : {}) }, ...options });
  }

  /** Choose which types of events are posted there (`null`: all), and whether any are. */
  updateWebhook(
    endpoint_id: string,
    body: RequestOf<"update_webhook">["body"],
    options: CallOptions = {},
  ): Promise<Webhook> {
    return this.call("update_webhook", { path: { endpoint_id }, body, ...options });
  }

  /** Post a test event to an address; its deliveries say what came of it. */
  testWebhook(endpoint_id: string, options: CallOptions = {}): Promise<Event> {
    return this.call("test_webhook", { path: { endpoint_id }, ...options });
  }

  /** Replace a secret; for a day what is posted is signed by the one before, too. */
  rotateWebhookSecret(endpoint_id: string, options: CallOptions = {}): Promise<NewWebhook> {
    return this.call("rotate_webhook_secret", { path: { endpoint_id }, ...options });
  }

  /** What was posted to an address in the last week, newest first. */
  listWebhookDeliveries(
    endpoint_id: string,
    query: QueryOf<"list_webhook_deliveries"> = {},
    options: CallOptions = {},
  ): AsyncGenerator<Attempt, void, undefined> {
    const path = { endpoint_id };
    return this.#entries(query, (page) =>
      this.call("list_webhook_deliveries", { path, query: page, ...options }).then((it) => [
        it.deliveries,
        it.nextCursor,
      ]),
    );
  }

  listWebhooks(options: CallOptions = {}): AsyncGenerator<Webhook, void, undefined> {
    return this.#entries({}, (page) =>
      this.call("list_webhooks", { query: page, ...options }).then((it) => [it.webhooks, it.nextCursor]),
    );
  }

  deleteWebhook(endpoint_id: string, options: CallOptions = {}): Promise<undefined> {
    return this.call("delete_webhook", { path: { endpoint_id }, ...options });
  }

  getEvent(event_id: string, options: CallOptions = {}): Promise<Event> {
    return this.call("get_event", { path: { event_id }, ...options });
  }

  /** Send an event again, to all webhooks that want it or to one. */
  replayEvent(
    event_id: string,
    { endpointId, ...options }: CallOptions & { endpointId?: string } = {},
  ): Promise<Event> {
    const query = endpointId ? { endpointId } : {};
    return this.call("replay_event", { path: { event_id }, query, ...HARMLESS, ...options });
  }

  /** Upload pictures; the keys to create an identity with, in the same order. */
  async uploadReferences(pictures: readonly Picture[], options: CallOptions = {}): Promise<string[]> {
    const keys: string[] = [];
    while (keys.length < pictures.length) {
      const first = keys.length;
      const some = pictures.slice(first, first + MOST_AT_ONCE).map((picture, index) => ({
        picture,
        name: nameOf(picture, first + index + 1),
        contentType: contentTypeOf(picture),
      }));
      const files = some.map(({ picture, ...file }) => ({ ...file, sizeBytes: picture.size }));
      const freshUntil = this.#transport.now() + FRESH_FOR_MS;
      const tickets = await this.createReferences(files, options);
      for (const [index, { picture, name, contentType }] of some.entries()) {
        if (index > 0 && this.#transport.now() >= freshUntil) break;
        const ticket = tickets[index];
        if (!ticket) throw new ApiError(201, "unreadable_answer", "There is no upload ticket for a file.");
        const form = new FormData();
        for (const [field, value] of Object.entries(ticket.fields)) form.append(field, value);
        form.append("file", picture.slice(0, picture.size, contentType), name);
        await this.#transport.post(ticket.url, form, options.signal);
        keys.push(ticket.key);
      }
    }
    return keys;
  }

  /** A picture, or whatever else a link of the API leads to. */
  download(url: string, options: Pick<CallOptions, "signal"> = {}): Promise<Blob> {
    return this.#transport.download(url, options.signal);
  }

  /**
   * The identity once it is ready, the evaluation once it is completed, or the generation once its pictures (`until: "scored"`: and their scores)
   * are there. Throws `JobFailed` when there will be none, `DeadlinePassed` when it takes longer than that.
   */
  waitFor(job: Identity, options?: WaitOptions<Identity>): Promise<Identity>;
  waitFor(job: Generation, options?: WaitOptions<Generation>): Promise<Generation>;
  waitFor(job: Evaluation, options?: WaitOptions<Evaluation>): Promise<Evaluation>;
  waitFor(
    job: Identity | Generation | Evaluation,
    options: WaitOptions<Identity> | WaitOptions<Generation> | WaitOptions<Evaluation> = {},
  ): Promise<Identity | Generation | Evaluation> {
    if ("evaluationId" in job) {
      const poll = (): Promise<Evaluation> => this.getEvaluation(job.evaluationId, signalOf(options));
      return this.#wait(job, poll, (it) => it.status === "completed", options as WaitOptions<Evaluation>);
    }
    if ("generationId" in job) {
      const { until = "done", ...wanted } = options as WaitOptions<Generation>;
      const isDone = (it: Generation): boolean =>
        it.status === "succeeded" && (until === "done" || it.scoring !== "pending");
      return this.#wait(job, () => this.getGeneration(job.generationId, signalOf(options)), isDone, wanted);
    }
    const read = (): Promise<Identity> => this.getIdentity(job.characterId, signalOf(options));
    return this.#wait(job, read, (it) => it.status === "ready", options as WaitOptions<Identity>);
  }

  /** A character from pictures, and pictures of it: upload, identity, generation, scores. */
  async run(job: Job): Promise<Result> {
    const { name, provider, className, prompt, references } = job;
    const options = signalOf(job);
    const wait = { ...options, timeoutMs: job.timeoutMs ?? USUAL_TIMEOUT_MS, onProgress: job.onProgress ?? silent };
    const pictures = references.filter((each) => typeof each !== "string");
    const keys = await this.uploadReferences(pictures, options);
    const named = references.map((each) => (typeof each === "string" ? each : (keys.shift() as string)));
    const body = { name, provider, references: named, ...(className ? { className } : {}) };
    const identity = await this.waitFor(await this.createIdentity(body, options), wait);
    const order = typeof prompt === "string" ? { prompt } : prompt;
    const ordered = await this.createGeneration(identity.characterId, order, options);
    return { identity, generation: await this.waitFor(ordered, { ...wait, until: "scored" }) };
  }

  async *#entries<Entry, Query extends object>(
    query: Query,
    read: (query: Query & { limit: number; cursor?: string }) => Promise<[Entry[], string | null | undefined]>,
  ): AsyncGenerator<Entry, void, undefined> {
    let cursor: string | null | undefined;
    // A page without entries is not the end; one without a cursor is.
    do {
      const [entries, next] = await read({ limit: PAGE, ...query, ...(cursor ? { cursor } : {}) });
      yield* entries;
      cursor = next;
    } while (cursor);
  }

  /**
   * Look less and less often until it is done: about a third late at worst.
   *
   * The job goes on without us: that nobody answers for a while ends no wait for it.
   */
  async #wait<It extends Identity | Generation | Evaluation>(
    job: It,
    read: () => Promise<It>,
    isDone: (job: It) => boolean,
    { timeoutMs = USUAL_TIMEOUT_MS, onProgress = silent, signal }: WaitOptions<It>,
  ): Promise<It> {
    const deadline = this.#transport.now() + timeoutMs;
    let wait = FIRST_WAIT_MS;
    let seenAt = this.#transport.now();
    const look = async (): Promise<It | undefined> => {
      try {
        const found = await read();
        seenAt = this.#transport.now();
        return found;
      } catch (trouble) {
        const passes = !(trouble instanceof ApiError) || PASSING.has(trouble.status);
        if (signal?.aborted || !passes || this.#transport.now() - seenAt > OUTAGE_MS) throw trouble;
        return undefined;
      }
    };
    for (let now: It | undefined = job; ; now = await look()) {
      if (now) onProgress(now);
      if (now?.status === "failed" || now?.status === "cancelled") {
        const untold = now.status === "failed" ? "It failed without saying why." : "It was cancelled.";
        throw new JobFailed(now.error?.code ?? now.status, now.error?.message ?? untold);
      }
      if (now && isDone(now)) return now;
      const left = deadline - this.#transport.now();
      if (left <= 0) throw new DeadlinePassed(`Waited ${timeoutMs / 1000} s for ${named(job)}; the job goes on.`);
      await this.#transport.sleep(Math.min(wait, left), signal);
      wait = Math.min(wait * WAIT_GROWTH, LONGEST_WAIT_MS);
    }
  }
}

/** What a job is called where it is asked for again. */
function named(job: Identity | Generation | Evaluation): string {
  if ("evaluationId" in job) return `evaluation ${job.evaluationId}`;
  return "generationId" in job ? `generation ${job.generationId}` : `identity ${job.characterId}`;
}

function silent(): void {
  // Nobody asked for progress.
}

function signalOf({ signal }: { signal?: AbortSignal }): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

function contentTypeOf(picture: Picture): string {
  const ending = "name" in picture ? picture.name.split(".").at(-1)?.toLowerCase() : undefined;
  return picture.type || (ending && CONTENT_TYPES[ending]) || "application/octet-stream";
}

function nameOf(picture: Picture, number: number): string {
  return "name" in picture ? picture.name : `${number}.${contentTypeOf(picture).split("/").at(-1)}`;
}
