import type { Notifier, Secrets, TargetPorts } from '../adapters/ports.js';
import type { EndpointRef, RolloutActivities } from '../core/activities.js';
import type { Target } from '../core/plan.js';
import type { QueueActivities } from '../core/queue.js';
import { answered, firstNo } from './asked-again.js';
import { readAutoscale, setMinimum } from './autoscale.js';
import { classify } from './classify.js';
import { createDeployment } from './create-deployment.js';
import { deleteDeployment } from './delete-deployment.js';
import { namingChannels, notify } from './notify.js';
import { preflight } from './preflight.js';
import { scaleDeployment } from './scale-deployment.js';
import { setTraffic } from './set-traffic.js';
import { smoke } from './smoke.js';
import { untilFree } from './until-free.js';
import { watch } from './watch.js';

export interface ActivityDependencies {
  /**
   * The ports of a target, as they are now: addresses may change between two attempts.
   *
   * @throws {PortError} permanent when this worker does not serve such a target.
   */
  readonly targets: (target: Target) => Promise<TargetPorts>;
  /** What deployments name as `${secret:NAME}`. */
  readonly secrets: Secrets;
  /** Left out: nobody is told anything. */
  readonly notifier?: Notifier;
}

/** What a worker needs to ask a target at all: that it has it is no yes of the target. */
const PORTS = 'ports';

/** The activities of a rollout over the given ports. */
export function createActivities({
  targets,
  secrets,
  notifier,
}: ActivityDependencies): RolloutActivities & QueueActivities {
  /**
   * A worker that lacks what it needs for a target, as one that was started anew may, is no end of what is under way:
   * another may have it.
   *
   * @param waits - whether there is nothing else to be done until somebody gives it to this one.
   */
  const on =
    <I extends EndpointRef, R>(
      work: (ports: TargetPorts, input: I) => Promise<R>,
      waits: (input: I) => boolean = () => false,
    ) =>
    (input: I): Promise<R> =>
      classified(async () => {
        const ports = await targets(input.target).catch((err: unknown) => {
          throw firstNo(err, waits(input), PORTS);
        });
        answered(PORTS);
        return work(ports, input);
      });
  return {
    preflight: (input) =>
      namingChannels(notifier, () =>
        classified(async () => {
          const { target, endpoint } = input.plan;
          return preflight(await targets(target), secrets, { ...input, target, endpoint });
        }),
      ),
    createDeployment: on((ports, input) => createDeployment(ports, secrets, input)),
    smoke: on((ports, input) => smoke(ports, secrets, input)),
    setTraffic: on(setTraffic, ({ from }) => from === null),
    readAutoscale: on(readAutoscale),
    setMinimum: on(setMinimum, ({ goesBack }) => goesBack === true),
    watch: on((ports, input) => watch(ports, secrets, input)),
    scaleDeployment: on(scaleDeployment, ({ givesWayAfterMs }) => givesWayAfterMs === undefined),
    deleteDeployment: on(deleteDeployment, ({ madeBy }) => madeBy !== undefined),
    untilFree,
    notify: (input) => notify(notifier, input),
  };
}

async function classified<R>(call: () => Promise<R>): Promise<R> {
  try {
    return await call();
  } catch (err) {
    throw classify(err);
  }
}
