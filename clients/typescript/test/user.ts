// What a user may write compiles strictly, and what nobody may write does not.
import { ApiError, CharacterIdentityClient, verifyWebhook } from "character-identity-client";
import { defineIdentityGallery, type IdentityGallery } from "character-identity-client/gallery";
import type { ErrorCode, GenerationOrder, IdentityOrder, WebhookEvent } from "character-identity-client";

export const simplest: IdentityOrder = { name: "Jane", provider: "fal-lora", references: [] };
export const shortest: GenerationOrder = { prompt: "Jane on a boat" };
// @ts-expect-error: there is no such provider
export const unknown: IdentityOrder = { name: "Jane", provider: "dall-e", references: [] };

export const known: ErrorCode = "budget_exceeded";
// @ts-expect-error: no answer has it
export const unheardOf: ErrorCode = "budget_exceded";
export const isTooDear = (error: unknown): boolean => error instanceof ApiError && error.code === known;

export async function receive(secret: string, request: Request): Promise<string> {
  const event: WebhookEvent = await verifyWebhook(secret, request.headers, await request.text());
  switch (event.type) {
    case "GenerationCompleted":
      // @ts-expect-error: it has not failed
      event.data.error;
      return event.data.generationId;
    case "IdentityFailed":
      return event.data.error.message;
    case "ImageScored":
      return `${event.data.imageNumber}: ${event.data.clipSimilarity ?? event.data.mean}`;
    default:
      return `${event.type} ${event.id}`;
  }
}

export async function links(api: CharacterIdentityClient): Promise<string[]> {
  const found: string[] = [];
  for await (const identity of api.listIdentities({ status: "ready" })) {
    const link: string | null = identity.thumbnailUrl;
    if (link) found.push(link);
  }
  // @ts-expect-error: an operation's path is asked for
  await api.call("get_identity", {});
  const { providers } = await api.call("list_providers", {});
  return [...found, ...providers.map((provider) => provider.name)];
}

export async function show(api: CharacterIdentityClient, gallery: IdentityGallery, signal: AbortSignal): Promise<void> {
  defineIdentityGallery();
  gallery.generations = api.listGenerations("i1", {}, { signal });
  gallery.generations = [await api.getGeneration("g1")];
  // @ts-expect-error: an identity is no generation
  gallery.generations = [await api.getIdentity("i1")];
}
