import type { V1ContainerStatus, V1Pod, V1PodCondition, V1PodStatus } from '@kubernetes/client-node';

/** What a container shows of itself. */
export type ContainerView = Pick<
  V1ContainerStatus,
  'name' | 'image' | 'ready' | 'restartCount' | 'state' | 'lastState' | 'started'
>;

/**
 * A pod's status from its containers, in the kubelet's words.
 *
 * @param address - null while it has none.
 * @param last - the status before: a condition that did not change keeps its time.
 */
export function podStatus(
  pod: V1Pod,
  containers: readonly ContainerView[],
  address: string | null,
  node: string,
  last: V1PodStatus | undefined,
): V1PodStatus {
  const allReady = containers.length > 0 && containers.every(({ ready }) => ready);
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name);
  const notReady = {
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  };
  const condition = (
    type: string,
    holds: boolean,
    why?: { reason: string; message: string },
  ): V1PodCondition => {
    const status = holds ? 'True' : 'False';
    const before = last?.conditions?.find((known) => known.type === type);
    const since = before?.status === status ? before.lastTransitionTime : undefined;
    return { type, status, lastTransitionTime: since ?? new Date(), ...(holds ? {} : why) };
  };
  return {
    phase:
      containers.some(({ state }) => state?.running) ||
      containers.some(({ restartCount }) => restartCount > 0)
        ? 'Running'
        : 'Pending',
    hostIP: node,
    ...(address !== null && { podIP: address, podIPs: [{ ip: address }] }),
    startTime: last?.startTime ?? pod.status?.startTime ?? new Date(),
    conditions: [
      condition('PodScheduled', true),
      condition('Initialized', true),
      condition('ContainersReady', allReady, notReady),
      condition('Ready', allReady, notReady),
    ],
    containerStatuses: containers.map((container) => ({ imageID: container.image, ...container })),
  };
}

/** Of a pod that no node can take. */
export function unschedulableStatus(message: string): V1PodStatus {
  return {
    phase: 'Pending',
    conditions: [
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message,
        lastTransitionTime: new Date(),
      },
    ],
  };
}
