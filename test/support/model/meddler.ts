import type { DeploymentState } from '../../../core/endpoint.js';
import { shareOf } from '../../../core/traffic.js';
import type { MemoryTarget } from '../memory-target.js';
import type { Happened } from './reference.js';
import type { Act } from './scenario.js';
import type { Watcher } from './watcher.js';

/** What somebody sets blue's autoscaler to. */
const THEIR_MINIMUM = 2;

type Meddling = Exclude<
  Act['what'],
  'abort' | 'reject' | 'pause' | 'pause-shift' | 'blind' | 'nonsense' | 'cancel' | 'kill'
>;

/** Somebody else who changes the endpoint, and may bring back what is gone. */
export class Meddler {
  readonly #target: MemoryTarget;
  readonly #watcher: Watcher;
  readonly #happened: Happened;
  /** Deployments that were deleted. */
  readonly #removed: DeploymentState[] = [];
  #shifts = 0;

  constructor(target: MemoryTarget, watcher: Watcher, happened: Happened) {
    this.#target = target;
    this.#watcher = watcher;
    this.#happened = happened;
  }

  /** Whether there is something to bring back. */
  get tookAway(): boolean {
    return this.#removed.length > 0 || this.#target.endpointGone;
  }

  /** Changes something past the rollout. */
  meddle(what: Meddling): void {
    switch (what) {
      case 'shift':
      case 'mirror': {
        // No step writes an odd share, and nobody the same twice.
        const odd = 3 + 2 * this.#shifts++;
        const theirs =
          what === 'shift'
            ? { live: { blue: 100 - odd, green: odd }, mirror: {} }
            : { live: this.#target.traffic.live, mirror: { green: odd } };
        this.#target.changeTraffic(theirs);
        this.#watcher.changed(what, this.#target.traffic);
        return;
      }
      case 'third': {
        const odd = 3 + 2 * this.#shifts++;
        const { live, mirror } = this.#target.traffic;
        const from = shareOf(live, 'blue') > 0 ? 'blue' : 'green';
        if (!this.#target.deployments.has('red')) this.#target.addDeployment('red');
        const red = shareOf(live, 'red') + odd;
        this.#target.changeTraffic({ live: { ...live, [from]: shareOf(live, from) - odd, red }, mirror });
        this.#happened.third = true;
        this.#watcher.changed(what, this.#target.traffic);
        return;
      }
      case 'delete-endpoint':
        this.#target.endpointGone = true;
        this.#happened.endpointGone = true;
        this.#happened.deleted = true;
        this.#watcher.changed(what);
        return;
      case 'scale-green-down':
        this.#target.changeInstances('green', 1);
        this.#watcher.changed(what);
        return;
      case 'scale-down':
      case 'switch-blue-off':
        if (what === 'scale-down' && this.#target.autoscale !== null) {
          // Instances are its autoscaler's to count: somebody says how few they may be.
          this.#target.autoscale = { ...this.#target.autoscale, minimum: THEIR_MINIMUM };
          this.#happened.minimum = THEIR_MINIMUM;
          return;
        }
        this.#target.changeInstances('blue', what === 'scale-down' ? 1 : 0);
        this.#watcher.changed(what);
        return;
      case 'switch-green-off':
        this.#target.changeInstances('green', 0);
        this.#happened.off = true;
        this.#watcher.changed(what);
        return;
      case 'delete-green':
      case 'delete-blue': {
        const name = what === 'delete-blue' ? 'blue' : 'green';
        const found = this.#target.deployments.get(name);
        if (found === undefined) return;
        this.#removed.push(found);
        this.#target.removeDeployment(name);
        this.#happened.gone.add(name);
        this.#happened.deleted = true;
        if (name === 'blue') this.#happened.blueGone = true;
        if (name === 'green') this.#happened.replaced = false;
        this.#watcher.changed(what);
        return;
      }
      case 'replace-green': {
        const found = this.#target.deployments.get('green');
        if (found === undefined) return;
        this.#removed.push(found);
        this.#target.addDeployment('green', { instances: found.instances });
        this.#happened.replaced = true;
        this.#watcher.changed(what);
        return;
      }
      default:
        return what satisfies never;
    }
  }

  bringBack(): void {
    // The first of a name is the rollout's own.
    for (const deployment of this.#removed.splice(0).reverse()) {
      this.#target.addDeployment(deployment.name, deployment);
      this.#happened.gone.delete(deployment.name);
    }
    this.#happened.replaced = false;
    this.#target.endpointGone = false;
    this.#watcher.settled();
  }
}
