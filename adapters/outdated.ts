import { OUTDATED } from '../core/failures.js';
import { trafficText, type Traffic } from '../core/traffic.js';
import { PortError, type WriteOptions } from './ports.js';

/**
 * To be asked before each request that changes shares, of those that were just read.
 *
 * @param title - what shows them, for people.
 * @throws {PortError} transient `Outdated`, where the write is not to be made over them.
 */
export function refuseOutdated(title: string, shown: Traffic, { mayShow }: WriteOptions): void {
  if (mayShow === undefined || mayShow(shown)) return;
  throw new PortError(
    `${title} shows ${trafficText(shown)}, which came since it was last looked at; that is not written over`,
    { kind: 'transient', code: OUTDATED },
  );
}
