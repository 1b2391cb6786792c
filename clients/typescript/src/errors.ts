/** What can go wrong with a call, and with what is waited for. */
import type { ErrorCode } from "./routes.js";
import type { Finding } from "./types.js";

/** The API, or a store that it led to, refused a call. */
export class ApiError extends Error {
  override readonly name: string = "ApiError";

  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** Stable: what programs decide by. Those that are known are offered; more may come. */
    readonly code: ErrorCode | (string & {}),
    message: string,
    /** More about it, by its code: fields of the body, findings about references. */
    readonly details?: unknown,
    /** What to quote when asking about the call. */
    readonly requestId?: string,
  ) {
    super(message);
  }

  /** What was noticed about the references, where they are why the call was refused. */
  get findings(): Finding[] {
    return Array.isArray(this.details) ? this.details.filter(isFinding) : [];
  }

  /** What to do about it, a sentence each; of findings that only warn, none. */
  get advice(): string[] {
    const errors = this.findings.filter((finding) => finding.severity === "error");
    return [...new Set(errors.map((finding) => finding.advice))];
  }
}

/** What was waited for ended without its result. */
export class JobFailed extends Error {
  override readonly name: string = "JobFailed";

  constructor(
    /** Stable: what programs decide by. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A wait was given up; what was waited for goes on, and may be waited for again. */
export class DeadlinePassed extends Error {
  override readonly name: string = "DeadlinePassed";
}

function isFinding(detail: unknown): detail is Finding {
  return typeof detail === "object" && detail !== null && "advice" in detail && "severity" in detail;
}
