import { appendFileSync } from 'node:fs';
import type { PipelinePolicy } from '@azure/core-rest-pipeline';

/** One request to ARM and what came back, without secrets. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** 0 when there was no answer. */
  readonly status: number;
  readonly responseHeaders: Readonly<Record<string, string>>;
  readonly responseBody: unknown;
}

export type Recorder = (exchange: Exchange) => void;

/** Appends each exchange to a file, one JSON line each, so that a swagger validator can judge both sides. */
export function fileRecorder(path: string): Recorder {
  return (exchange) => {
    // Synchronous on purpose: a crash right after an exchange is when its line is wanted most.
    appendFileSync(path, `${JSON.stringify(exchange)}\n`, { mode: 0o600 });
  };
}

const REDACTED = '[redacted]';
const SECRET_HEADERS = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);
const SECRET_FIELDS = new Set(['primarykey', 'secondarykey', 'keyvalue', 'accesstoken', 'keys']);

/** A policy that shows every exchange, repeated ones too, to the recorder. */
export function recordingPolicy(recorder: Recorder): PipelinePolicy {
  return {
    name: 'greenlightRecorder',
    async sendRequest(request, next) {
      const sent = {
        method: request.method,
        url: request.url,
        requestHeaders: withoutSecretHeaders(request.headers.toJSON()),
        body: withoutSecrets(parsed(typeof request.body === 'string' ? request.body : undefined)),
      };
      try {
        const response = await next(request);
        recorder({
          ...sent,
          status: response.status,
          responseHeaders: withoutSecretHeaders(response.headers.toJSON()),
          responseBody: withoutSecrets(parsed(response.bodyAsText ?? undefined)),
        });
        return response;
      } catch (thrown) {
        recorder({ ...sent, status: 0, responseHeaders: {}, responseBody: null });
        throw thrown;
      }
    },
  };
}

function parsed(text: string | undefined): unknown {
  if (text === undefined || text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function withoutSecretHeaders(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      SECRET_HEADERS.has(name.toLowerCase()) ? REDACTED : value,
    ]),
  );
}

/** Texts inside are kept as texts, so that the recorded body still fits its schema. */
function withoutSecrets(value: unknown, secret = false): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => withoutSecrets(item, secret));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        // Environment variables of a deployment often hold secrets, by whatever name.
        withoutSecrets(
          inner,
          secret || SECRET_FIELDS.has(key.toLowerCase()) || key === 'environmentVariables',
        ),
      ]),
    );
  }
  return secret && typeof value === 'string' ? REDACTED : value;
}
