import { PortError } from '../ports.js';

/** Where Prometheus is, and how to sign in. Secrets are files that are read for every request, never values. */
export interface PrometheusConnection {
  /** Address of the HTTP API without `/api/v1`, e.g. `https://metrics:9090` or `https://mimir/prometheus`. */
  readonly url: string;
  readonly auth?:
    | { readonly kind: 'bearer'; readonly tokenFile: string }
    | { readonly kind: 'basic'; readonly user: string; readonly passwordFile: string };
  /** PEM file of the authorities to trust instead of the system's. */
  readonly caFile?: string;
  /**
   * How old data has to be to be read, milliseconds: a scrape takes a moment to be stored, and all queries of one
   * reading must see the same. Default 2,000; a remote store behind `remote_write` needs more, 15,000 say.
   */
  readonly settleMs?: number;
}

const VARIABLE = 'GREENLIGHT_PROMETHEUS';

/**
 * The connection that the environment names: `GREENLIGHT_PROMETHEUS_URL`, and `…_TOKEN_FILE`, or `…_USER` with
 * `…_PASSWORD_FILE`; `…_CA_FILE`; `…_SETTLE_MS`.
 *
 * @returns undefined where there is no `GREENLIGHT_PROMETHEUS_URL`.
 * @throws {PortError} permanent `PrometheusSettings` for settings that cannot be meant.
 */
export function prometheusConnection(
  env: Readonly<Record<string, string | undefined>>,
): PrometheusConnection | undefined {
  const of = (name: string) => env[`${VARIABLE}_${name}`]?.trim() || undefined;
  const url = of('URL');
  if (url === undefined) return undefined;
  checkUrl(url);
  const auth = authOf(of('TOKEN_FILE'), of('USER'), of('PASSWORD_FILE'));
  const caFile = of('CA_FILE');
  const settle = of('SETTLE_MS');
  return {
    url: url.replace(/\/+$/, ''),
    ...(auth === undefined ? {} : { auth }),
    ...(caFile === undefined ? {} : { caFile }),
    ...(settle === undefined ? {} : { settleMs: settleOf(settle) }),
  };
}

function checkUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    // Without its scheme, or with a sign that no address has, a password in it is not seen as one.
    if (url.includes('@')) throw namesUser();
    throw unusable(`${VARIABLE}_URL is "${url}"; wanted: an address such as https://metrics:9090`);
  }
  if (parsed.username !== '' || parsed.password !== '') throw namesUser();
}

function namesUser(): PortError {
  return unusable(
    `${VARIABLE}_URL has a user or a password in it; wanted: an address such as https://metrics:9090, and ${VARIABLE}_USER and ${VARIABLE}_PASSWORD_FILE beside it`,
  );
}

function authOf(
  tokenFile: string | undefined,
  user: string | undefined,
  passwordFile: string | undefined,
): PrometheusConnection['auth'] {
  if ((user === undefined) !== (passwordFile === undefined)) {
    throw unusable(`${VARIABLE}_USER and ${VARIABLE}_PASSWORD_FILE belong together; got only one of them`);
  }
  if (tokenFile !== undefined && user !== undefined) {
    throw unusable(`${VARIABLE}_TOKEN_FILE and ${VARIABLE}_USER are both given; keep one of the two`);
  }
  if (tokenFile !== undefined) return { kind: 'bearer', tokenFile };
  return user === undefined || passwordFile === undefined ? undefined : { kind: 'basic', user, passwordFile };
}

function settleOf(text: string): number {
  const ms = Number(text);
  if (Number.isInteger(ms) && ms >= 0 && ms <= 300_000) return ms;
  throw unusable(`${VARIABLE}_SETTLE_MS is "${text}"; wanted: whole milliseconds, 0 to 300000`);
}

function unusable(message: string): PortError {
  return new PortError(message, { kind: 'permanent', code: 'PrometheusSettings' });
}
