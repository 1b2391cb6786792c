/**
 * For receivers of webhooks: tells whether one is genuine, by the rules of Standard Webhooks 1.0.0,
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, read 2026-11-23.
 */
import type { WebhookEvent } from "./types.js";

/** Nobody should act on this webhook; the message says why, in a sentence for the log. */
export class NotGenuine extends Error {
  override readonly name: string = "NotGenuine";
}

export interface VerifyOptions {
  /** The present; default: the clock's. */
  now?: Date;
  /** How many seconds from now it may have been sent. */
  toleranceS?: number;
}

/**
 * A webhook's event, after its signature and its age were checked.
 *
 * `secret` is the one that was shown when the address was registered, or several: one of them must fit. `body`
 * is the request's, as it came. Answer 2xx within 15 seconds, and remember the event's `id`: it may come again.
 */
export async function verifyWebhook(
  secret: string | readonly string[],
  headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>,
  body: string | Uint8Array,
  { now = new Date(), toleranceS = 300 }: VerifyOptions = {},
): Promise<WebhookEvent> {
  const received = plain(headers);
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => {
    const value = received.get(name);
    if (value === null) throw new NotGenuine(`The header ${name} is missing.`);
    return value;
  }) as [string, string, string];
  if (!/^\d{1,12}$/.test(timestamp)) throw new NotGenuine("The time of the attempt is no number.");
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > toleranceS) {
    throw new NotGenuine("The attempt was made too long ago, or lies in the future.");
  }
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  const content = concatenated(`${id}.${timestamp}.`, body);
  for (const each of typeof secret === "string" ? [secret] : secret) {
    const key = await keyOf(each);
    for (const signature of signatures.split(" ")) {
      if (await fits(key, signature, content)) return eventOf(text);
    }
  }
  throw new NotGenuine("No signature is that of this secret.");
}

/** The event that a body tells; one of a type that this release does not know as it came. */
function eventOf(text: string): WebhookEvent {
  try {
    const event = JSON.parse(text) as Partial<WebhookEvent> | null;
    if (event?.id && event.type && event.timestamp && event.data) return event as WebhookEvent;
  } catch {
    // No JSON.
  }
  throw new NotGenuine("It is signed, but tells no event.");
}

type Bytes = Uint8Array<ArrayBuffer>;

function plain(headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>): Headers {
  if (headers instanceof Headers) return headers;
  const given = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === "string" ? value : value.join(" ")] as [string, string]],
  );
  return new Headers(given);
}

function concatenated(head: string, body: string | Uint8Array): Bytes {
  const encoder = new TextEncoder();
  const first = encoder.encode(head);
  const second = typeof body === "string" ? encoder.encode(body) : body;
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = decoded(secret.replace(/^whsec_/, ""));
  if (!bytes?.length) throw new TypeError("The secret is none.");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

/** Whether one of several signatures is ours; those of other versions do not count. */
async function fits(key: CryptoKey, signature: string, content: Bytes): Promise<boolean> {
  const bytes = signature.startsWith("v1,") ? decoded(signature.slice(3)) : undefined;
  return bytes !== undefined && crypto.subtle.verify("HMAC", key, bytes, content);
}

function decoded(base64: string): Bytes | undefined {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}
