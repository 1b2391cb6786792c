/** The API's own types, by the names that they have here. */
import type { ROUTES } from "./routes.js";
import type { components, operations, webhooks } from "./schema.js";

type Schemas = components["schemas"];

export type Attempt = Schemas["AttemptResponse"];
export type Comparison = Schemas["CompareImagesResponse"];
export type Budget = Schemas["BudgetResponse"];
export type ErasureReceipt = Schemas["ErasureReceiptResponse"];
export type Estimate = Schemas["EstimateResponse"];
export type EventTypes = NonNullable<Schemas["CreateWebhookRequest"]["types"]>;
export type Evaluation = Schemas["EvaluationResponse"];
export type EvaluationEstimate = Schemas["EstimateEvaluationResponse"];
export type EvaluationOrder = Schemas["CreateEvaluationRequest"];
export type EvaluationReceipt = Schemas["EvaluationReceiptResponse"];
export type EvaluationSummary = Schemas["EvaluationSummary"];
export type Event = Schemas["EventResponse"];
export type Finding = Schemas["Finding"];
export type Generation = Schemas["GenerationResponse"];
export type GenerationOrder = Schemas["CreateGenerationRequest"];
export type GenerationSummary = Schemas["GenerationSummary"];
export type Identity = Schemas["IdentityResponse"];
export type IdentityOrder = Schemas["CreateIdentityRequest"];
export type IdentitySummary = Schemas["IdentitySummary"];
export type Image = Schemas["ImageResponse"];
export type NewWebhook = Schemas["CreateWebhookResponse"];
export type Provider = Schemas["ProviderResponse"];
export type ReferenceCheck = Schemas["CheckReferencesResponse"];
export type Score = Schemas["ScoreResponse"];
export type Upload = Schemas["Upload"];
export type Usage = Schemas["UsageResponse"];
export type Webhook = Schemas["WebhookResponse"];

/** What a webhook tells; `type` says which of them it is. */
export type WebhookEvent = {
  [Kind in keyof webhooks]: webhooks[Kind] extends {
    post: { requestBody: { content: { "application/json": infer Message } } };
  }
    ? Message
    : never;
}[keyof webhooks];

/** The name of an operation in the OpenAPI document, such as `create_identity`. */
export type OperationId = keyof typeof ROUTES;

type Parameters<Id extends OperationId> = operations[Id]["parameters"];
type Part<Id extends OperationId, Name extends "path" | "query"> =
  Parameters<Id> extends Record<Name, infer Given>
    ? Record<Name, Given>
    : Parameters<Id> extends Partial<Record<Name, infer Given>>
      ? Partial<Record<Name, Given>>
      : object;
type Body<Id extends OperationId> = operations[Id] extends {
  requestBody: { content: { "application/json": infer Given } };
}
  ? { body: Given }
  : object;
type Responses<Id extends OperationId> = operations[Id]["responses"];
type ContentOf<Response> = Response extends { content: infer Content } ? Content[keyof Content] : undefined;

/** What an operation takes. */
export type RequestOf<Id extends OperationId> = Part<Id, "path"> & Part<Id, "query"> & Body<Id>;

/** What an operation answers when all went well. */
export type AnswerOf<Id extends OperationId> = {
  [Status in keyof Responses<Id> & (200 | 201 | 202 | 204)]: ContentOf<Responses<Id>[Status]>;
}[keyof Responses<Id> & (200 | 201 | 202 | 204)];

/** The query of an operation. */
export type QueryOf<Id extends OperationId> = NonNullable<Parameters<Id>["query"]>;
