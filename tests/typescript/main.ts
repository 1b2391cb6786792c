// Runs one service module as a front end would: an order as JSON on stdin, what came of it as JSON on stdout.

import { readFileSync } from 'node:fs';
import type { CharacterGenerationParams, CharacterGenerationResult, CharacterIdentityResult } from '@/types';
import { sendApiCallsTo } from './apiFetch';
import * as astria from './services/astriaService';
import * as instant from './services/falInstantCharacterService';
import * as lora from './services/falLoraService';

type Provider = CharacterIdentityResult['provider'];
type OnProgress = (progress: number) => void;
type Context = { projectId?: string; userId?: string };

interface Service {
  isAvailable(): boolean;
  create(name: string, references: string[], onProgress: OnProgress, context?: Context): Promise<CharacterIdentityResult>;
  generate(
    params: CharacterGenerationParams,
    identity: CharacterIdentityResult,
    onProgress: OnProgress
  ): Promise<CharacterGenerationResult>;
  isReady(characterId: string): Promise<boolean>;
}

interface Order {
  provider: Provider;
  name: string;
  references: string[];
  pictures: Omit<CharacterGenerationParams, 'characterId'>[];
  context?: Context;
  longestHold?: number; // seconds; for a server that answers polls sooner than it does by itself
}

interface Outcome {
  available: boolean;
  identity?: CharacterIdentityResult;
  ready?: boolean;
  results: CharacterGenerationResult[];
  progress: number[][]; // of the identity, then of each picture
  failure?: string;
}

const SERVICES: Record<Provider, Service> = {
  'fal-instant': {
    isAvailable: instant.isFalInstantCharacterAvailable,
    create: instant.createInstantCharacterIdentity,
    generate: instant.generateWithInstantCharacter,
    isReady: instant.isInstantCharacterReady,
  },
  'fal-lora': {
    isAvailable: lora.isFalLoraAvailable,
    create: lora.createFluxLoraCharacterIdentity,
    generate: lora.generateWithFluxLora,
    isReady: lora.isFluxLoraReady,
  },
  astria: {
    isAvailable: astria.isAstriaAvailable,
    create: astria.createAstriaCharacterIdentity,
    generate: astria.generateWithAstria,
    isReady: astria.isAstriaReady,
  },
};

// The waits between the modules' polls, in milliseconds. Others stay as long as they are: fetch itself has some.
const POLL_WAITS = [1_000, 10_000];
const SPEED = 1_000;

function hurryPolls() {
  const plainSetTimeout = globalThis.setTimeout;
  const hurried = (callback: (...args: unknown[]) => void, wait = 0, ...args: unknown[]) =>
    plainSetTimeout(callback, POLL_WAITS.includes(wait) ? wait / SPEED : wait, ...args);
  globalThis.setTimeout = Object.assign(hurried, plainSetTimeout);
}

function limitHolds(seconds: number) {
  const plainFetch = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('Prefer', `wait=${seconds}`);
    return plainFetch(input, { ...init, headers });
  };
}

async function run(order: Order): Promise<Outcome> {
  const service = SERVICES[order.provider];
  const outcome: Outcome = { available: service.isAvailable(), results: [], progress: [] };
  const reporting = (): OnProgress => {
    const numbers: number[] = [];
    outcome.progress.push(numbers);
    return (progress) => numbers.push(progress);
  };
  try {
    const identity = await service.create(order.name, order.references, reporting(), order.context);
    outcome.identity = identity;
    outcome.ready = await service.isReady(identity.characterId);
    for (const picture of order.pictures) {
      const params = { ...picture, characterId: identity.characterId };
      outcome.results.push(await service.generate(params, identity, reporting()));
    }
  } catch (error) {
    outcome.failure = error instanceof Error ? error.message : String(error);
  }
  return outcome;
}

const order: Order = JSON.parse(readFileSync(0, 'utf8'));
sendApiCallsTo(process.env.API_URL!, () => process.env.API_TOKEN!);
if (order.longestHold !== undefined) limitHolds(order.longestHold);
hurryPolls();
run(order).then((outcome) => process.stdout.write(JSON.stringify(outcome)));
