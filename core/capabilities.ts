import type { EndpointState } from './endpoint.js';
import type { Gate, Step } from './plan.js';

/** Something that a target cannot do: why, and what would work. Both are sentences without an end. */
export interface Inability {
  readonly because: string;
  readonly instead: string;
}

/** What an endpoint's target can do with its traffic. */
export interface EndpointCapabilities {
  /** Which shares of live requests it can copy; `most` in percent. `all`: every request or none. */
  readonly mirror:
    { readonly shares: 'any'; readonly most: number } | (Inability & { readonly shares: 'all' | 'none' });
  /** Whether one deployment can get live and mirrored traffic at once. */
  readonly liveWithMirror: boolean;
  /** Whether a request can name the deployment that answers it. */
  readonly pin: true | Inability;
}

/** What a metric source can tell. */
export interface MetricsCapabilities {
  readonly histograms: boolean;
  /** Mirrored traffic apart from live. */
  readonly mirrored: boolean;
  /** Why it counts no request of an endpoint of type kubernetes; left out: it counts them. */
  readonly kubernetes?: Inability;
}

/** A step or a gate of a rollout that its target cannot do. */
export type Unable = Inability &
  ({ readonly of: 'step'; readonly index: number } | { readonly of: 'gate'; readonly name: string });

const NO_MIRROR: Inability = {
  because: 'Azure ML mirrors traffic of managed endpoints only, and this one is of type kubernetes',
  instead: 'leave the mirror step out, and begin the ramp with a small share',
};

/** What Azure ML's online endpoints, and the endpoint host's, can do by their kind. */
export function azureCapabilities(kind: EndpointState['kind']): EndpointCapabilities {
  return {
    mirror: kind === 'managed' ? { shares: 'any', most: 50 } : { shares: 'none', ...NO_MIRROR },
    liveWithMirror: false,
    pin: true,
  };
}

/** Everything that a rollout asks for and its endpoint cannot do, in the order of its steps. */
export function unableSteps(steps: readonly Step[], can: EndpointCapabilities): readonly Unable[] {
  return steps.flatMap((step, index): Unable[] => {
    if (step.kind === 'mirror')
      return unableMirror(step.percent, can).map((no) => ({ of: 'step', index, ...no }));
    if (step.kind === 'smoke' && can.pin !== true) return [{ of: 'step', index, ...can.pin }];
    return [];
  });
}

/** Why a share of live requests cannot be copied; none = it can. */
export function unableMirror(percent: number, { mirror }: EndpointCapabilities): readonly Inability[] {
  if (mirror.shares === 'any') {
    if (percent <= mirror.most) return [];
    return [
      {
        because: `at most ${mirror.most} % of the live requests can be copied here, not ${percent} %`,
        instead: `mirror ${mirror.most} % or less`,
      },
    ];
  }
  return mirror.shares === 'all' && percent === 100
    ? []
    : [{ because: mirror.because, instead: mirror.instead }];
}

/** Azure Monitor answers for such an endpoint, too, as for one that nobody calls. */
export const NO_KUBERNETES_METRICS: Inability = {
  because: 'Azure Monitor counts requests of managed endpoints only, and this one is of type kubernetes',
  instead: "use gates on metrics of your own, from a Prometheus in the endpoint's cluster",
};

const NO_HISTOGRAMS: Inability = {
  because: "it asks for latency, and the target's metric source has no histograms",
  instead: 'use error-rate gates, or another source',
};

/**
 * Everything that a rollout would be judged by and its metric source cannot tell.
 *
 * @param kind - of the endpoint.
 */
export function unableGates(
  steps: readonly Step[],
  gates: readonly Gate[],
  can: MetricsCapabilities,
  kind: EndpointState['kind'],
): readonly Unable[] {
  const blind = gates.flatMap((gate): Unable[] => {
    const no = inabilityFor(gate, can, kind);
    return no === undefined ? [] : [{ of: 'gate', name: gate.name, ...no }];
  });
  const mirrors = steps.findIndex(({ kind }) => kind === 'mirror');
  if (can.mirrored || mirrors < 0) return blind;
  return [
    ...blind,
    {
      of: 'step',
      index: mirrors,
      because: 'the metric source cannot tell mirrored traffic apart, so a mirror step could not be judged',
      instead: 'leave it out, or use another source',
    },
  ];
}

function inabilityFor(
  gate: Gate,
  can: MetricsCapabilities,
  kind: EndpointState['kind'],
): Inability | undefined {
  // It has a source of its own.
  if ('query' in gate) return undefined;
  if (kind === 'kubernetes' && can.kubernetes !== undefined) return can.kubernetes;
  return can.histograms || gate.metric === 'error-rate' ? undefined : NO_HISTOGRAMS;
}

/** For people: `Step 3 (mirror 10 %) is not possible: …; …`. */
export function unableText(unable: Unable, steps: readonly Step[]): string {
  const { because, instead } = unable;
  if (unable.of === 'gate') return `Gate ${unable.name} cannot be judged: ${because}; ${instead}`;
  const step = steps[unable.index];
  const share = step !== undefined && 'percent' in step ? ` ${step.percent} %` : '';
  return `Step ${unable.index + 1} (${step?.kind ?? ''}${share}) is not possible: ${because}; ${instead}`;
}
