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
}

/** A step or a gate of a rollout that its target cannot do. */
export type Unable = Inability &
  ({ readonly of: 'step'; readonly index: number } | { readonly of: 'gate'; readonly name: string });

const NO_MIRROR: Inability = {
  because: 'Azure ML mirrors traffic of managed endpoints only, and this one is of type kubernetes',
  instead: 'leave the mirror step out, and begin the ramp with a small share',
};

/** What Azure ML's online endpoints, and the endpoint host's, can do by their kind. */
export function azureCapabilities(kind: 'managed' | 'kubernetes'): EndpointCapabilities {
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

/** Everything that a rollout would be judged by and its metric source cannot tell. */
export function unableGates(
  steps: readonly Step[],
  gates: readonly Gate[],
  can: MetricsCapabilities,
): readonly Unable[] {
  const blind: Unable[] = can.histograms
    ? []
    : gates
        .filter(({ metric }) => metric === 'latency' || metric === 'slow-share')
        .map(({ name }) => ({
          of: 'gate',
          name,
          because: "it asks for latency, and the target's metric source has no histograms",
          instead: 'use error-rate gates, or another source',
        }));
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

/** For people: `Step 3 (mirror 10 %) is not possible: …; …`. */
export function unableText(unable: Unable, steps: readonly Step[]): string {
  const { because, instead } = unable;
  if (unable.of === 'gate') return `Gate ${unable.name} cannot be judged: ${because}; ${instead}`;
  const step = steps[unable.index];
  const share = step !== undefined && 'percent' in step ? ` ${step.percent} %` : '';
  return `Step ${unable.index + 1} (${step?.kind ?? ''}${share}) is not possible: ${because}; ${instead}`;
}
