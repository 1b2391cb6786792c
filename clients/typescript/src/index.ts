export { CharacterIdentityClient, type Job, type Picture, type Result, type WaitOptions } from "./client.js";
export { ApiError, DeadlinePassed, JobFailed } from "./errors.js";
export type { ErrorCode } from "./routes.js";
export type { CallOptions, ClientOptions } from "./transport.js";
export type * from "./types.js";
export { NotGenuine, verifyWebhook, type VerifyOptions } from "./webhooks.js";
