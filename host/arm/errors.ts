import type { ArmErrorBody } from '../state/model.js';

/** An answer in ARM's own error shape. */
export class ArmError extends Error {
  override readonly name = 'ArmError';
  readonly status: number;
  readonly code: string;
  readonly target: string | undefined;
  /** When to ask again, seconds. */
  readonly retryAfterS: number | undefined;

  constructor(status: number, code: string, message: string, target?: string, retryAfterS?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.target = target;
    this.retryAfterS = retryAfterS;
  }
}

export function badArgument(message: string, target?: string): ArmError {
  return new ArmError(400, 'BadArgument', message, target);
}

export function notFound(what: string): ArmError {
  return new ArmError(404, 'ResourceNotFound', `${what} was not found`);
}

/** Something else is under way; operations here take a second or two. */
export function conflict(message: string): ArmError {
  return new ArmError(409, 'Conflict', message, undefined, 1);
}

/** @see Azure ML swagger, `ErrorResponse` */
export function errorBody(error: ArmErrorBody & { readonly target?: string | undefined }): {
  readonly error: Record<string, unknown>;
} {
  return {
    error: {
      code: error.code,
      message: error.message,
      ...(error.target !== undefined && { target: error.target }),
      details: [],
      additionalInfo: [],
    },
  };
}
