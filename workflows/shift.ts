import type { Traffic } from '../core/traffic.js';
import { shareOf, trafficText } from '../core/traffic.js';
import { holdForDrift } from './drift.js';
import { WRITE_WITHIN_MS } from './proxies.js';
import type { Run } from './run.js';
import { afterTurn } from './turns.js';
import { whilePaused } from './watch-on.js';
import { lookOn, throwIfStopped } from './watching.js';
import { write } from './write.js';

/**
 * Writes the endpoint's traffic and reads it back. Its undo is registered first.
 *
 * If someone else changed the traffic meanwhile, nothing is written: the rollout is held until a person chose. Nor is it
 * while the rollout is paused. A target that takes nothing may be busy for long: a green that serves is looked at meanwhile.
 *
 * @throws {Stop} on a breach, and when a person aborts or rejects.
 */
export async function shift(run: Run, to: Traffic): Promise<void> {
  run.willGiveTrafficBack();
  let leftMs = WRITE_WITHIN_MS;
  for (;;) {
    await whilePaused(run);
    throwIfStopped(run);
    const from = run.expected;
    const takeOver = run.state.takeOver === true;
    const turns = shareOf(from.live, run.green) > 0 ? { leftMs } : {};
    const ended = await write(run, from, to, `set traffic: ${trafficText(to)}`, { takeOver, ...turns });
    if (ended === null) {
      delete run.state.takeOver;
      run.willShow(to);
      return;
    }
    if ('againInMs' in ended) {
      const after = afterTurn(leftMs, ended);
      leftMs = after.leftMs;
      await lookOn(run, run.nowMs + after.lookMs, (found) => holdForDrift(run, found));
    } else {
      await holdForDrift(run, ended);
    }
  }
}
