import type { Notifier, Secrets, TargetPorts } from '../adapters/ports.js';
import type { EndpointRef, RolloutActivities } from '../core/activities.js';
import type { Target } from '../core/plan.js';
import type { QueueActivities } from '../core/queue.js';
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

/** The activities of a rollout over the given ports. */
export function createActivities({
  targets,
  secrets,
  notifier,
}: ActivityDependencies): RolloutActivities & QueueActivities {
  const on =
    <I extends EndpointRef, R>(work: (ports: TargetPorts, input: I) => Promise<R>) =>
    async (input: I): Promise<R> => {
      try {
        return await work(await targets(input.target), input);
      } catch (err) {
        throw classify(err);
      }
    };
  return {
    preflight: (input) =>
      namingChannels(notifier, () =>
        on((ports, ref: EndpointRef) => preflight(ports, secrets, { ...input, ...ref }))({
          target: input.plan.target,
          endpoint: input.plan.endpoint,
        }),
      ),
    createDeployment: on((ports, input) => createDeployment(ports, secrets, input)),
    smoke: on((ports, input) => smoke(ports, secrets, input)),
    setTraffic: on(setTraffic),
    readAutoscale: on(readAutoscale),
    setMinimum: on(setMinimum),
    watch: on((ports, input) => watch(ports, secrets, input)),
    scaleDeployment: on(scaleDeployment),
    deleteDeployment: on(deleteDeployment),
    untilFree,
    notify: (input) => notify(notifier, input),
  };
}
