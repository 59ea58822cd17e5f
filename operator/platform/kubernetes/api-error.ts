/** Failures of the Kubernetes API: what it answered, and what that means to the operator. */
import { PlatformError, type PlatformErrorCode } from '../port.ts';

/** The API server's answer to a request that failed (`Status`), or `status` 0 when there was no answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** `NotFound`, `AlreadyExists`, `Conflict`, `Expired` ... as the API server names it. */
  readonly reason: string;
  /** What the server asked us to wait. */
  readonly retryAfterMs: number | undefined;
  constructor(status: number, reason: string, message: string, options: { retryAfterMs?: number | undefined; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** From the body of a failed answer, which is a `Status` object, or text from something between us and the API server. */
export function apiErrorOf(what: string, status: number, body: string, retryAfter: string | undefined): ApiError {
  let reason = '';
  let message = body.slice(0, 500);
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) {
      if ('reason' in parsed && typeof parsed.reason === 'string') reason = parsed.reason;
      if ('message' in parsed && typeof parsed.message === 'string') message = parsed.message;
    }
  } catch {
    // Not JSON: the text itself is the message.
  }
  const seconds = Number(retryAfter);
  const retryAfterMs = retryAfter !== undefined && Number.isFinite(seconds) ? seconds * 1000 : undefined;
  return new ApiError(status, reason, `${what} failed (${status}${reason && ` ${reason}`}): ${message}`, { retryAfterMs });
}

/** A failure that another try may heal, and that is no answer to the question. */
export function isRetriable(error: ApiError): boolean {
  return error.status === 0 || error.status === 429 || error.status >= 500;
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.status === 404;
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.status === 409;

export function toPlatformError(error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  if (!(error instanceof ApiError))
    return new PlatformError('Unknown', error instanceof Error ? error.message : String(error), { cause: error });
  return new PlatformError(codeOf(error), error.message, { cause: error });
}

function codeOf(error: ApiError): PlatformErrorCode {
  if (isRetriable(error)) return 'Unavailable';
  switch (error.status) {
    case 404:
    case 410:
      return 'NotFound';
    case 409:
      return 'Conflict';
    case 401:
    case 403:
      return 'Forbidden';
    case 400:
    case 422:
      return 'Invalid';
    default:
      return 'Unknown';
  }
}
