import { ArmError } from './errors.js';

const OLDEST = '2022-02-01-preview';

/**
 * The api-version of a call, if it is one that the host speaks: 2022-02-01-preview or later.
 *
 * @throws {ArmError} 400 as ARM says it.
 */
export function checkApiVersion(value: unknown, oldest = OLDEST): string {
  if (typeof value !== 'string' || value === '') {
    throw new ArmError(
      400,
      'MissingApiVersionParameter',
      'The api-version query parameter (?api-version=) is required for all requests.',
    );
  }
  const match = /^(\d{4}-\d{2}-\d{2})(-preview)?$/.exec(value);
  if (!match || Number.isNaN(Date.parse(match[1]!)) || match[1]! < oldest.slice(0, 10)) {
    throw new ArmError(
      400,
      'InvalidApiVersionParameter',
      `The api-version '${value}' is invalid. This host speaks ${oldest === OLDEST ? `${OLDEST}, 2022-10-01, 2023-04-01` : oldest} and later ones.`,
    );
  }
  return value;
}

/** Whether endpoints have `mirrorTraffic` in an api-version: the previews have, the stable ones from 2023-04-01. */
export function knowsMirror(apiVersion: string): boolean {
  return apiVersion.endsWith('-preview') || apiVersion >= '2023-04-01';
}
