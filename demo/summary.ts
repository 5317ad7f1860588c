import { columns } from '../cli/output.js';
import { millis } from './clients.js';
import type { RolloutRecord } from './history.js';
import { type Cast, differences, rescue, type Seen } from './judge.js';
import type { DoneRollout } from './rollout.js';
import { type Tally, tally, tallyByDeployment } from './tally.js';
import type { TrainingReport } from './models.js';

/** The result of the demo, as `--output json` prints it. Times are in seconds. */
export interface Summary {
  /** Whether all went as the demo promises. */
  readonly ok: boolean;
  readonly differences: readonly string[];
  readonly seconds: number;
  readonly models: TrainingReport;
  readonly good: RolloutSummary;
  readonly bad: RolloutSummary & {
    /** The verdict that ended it, with the counts behind it; null when no gate did. */
    readonly breach: RolloutRecord['breach'];
    /** From a client's first failed or slow answer to all traffic read back at the version before. */
    readonly firstBadAnswerToReadBack: number | null;
    /** From the decision to that, by Greenlight's own report. */
    readonly decisionToReadBack: number | null;
  };
  readonly clients: ClientSummary;
  readonly atTheEnd: Seen['atTheEnd'];
  readonly state: string;
  readonly temporalUi: string | null;
}

interface RolloutSummary {
  readonly outcome: string;
  readonly reason: string;
  readonly seconds: number;
  /** Events in Temporal's history. */
  readonly events: number;
  readonly clients: ClientSummary;
}

interface ClientSummary extends Tally {
  readonly byDeployment: Readonly<Record<string, Tally>>;
}

export function summarize(
  seen: Seen,
  cast: Cast,
  about: Pick<Summary, 'seconds' | 'models' | 'state' | 'temporalUi'>,
): Summary {
  const { good, bad, answers, atTheEnd } = seen;
  const different = differences(seen, cast);
  const saved = rescue(seen, cast);
  const { breach } = bad.record;
  return {
    ok: different.length === 0,
    differences: different,
    ...about,
    good: rolloutSummary(good, seen),
    bad: {
      ...rolloutSummary(bad, seen),
      breach: breach && { sentence: breach.sentence, evidence: breach.evidence, atMs: breach.atMs },
      firstBadAnswerToReadBack: saved && (saved.backMs - saved.firstBadMs) / 1000,
      decisionToReadBack: bad.report.rollbackMs === null ? null : bad.report.rollbackMs / 1000,
    },
    clients: clientSummary(answers),
    atTheEnd,
  };
}

function rolloutSummary({ report, record, fromMs, toMs }: DoneRollout, { answers }: Seen): RolloutSummary {
  return {
    outcome: report.outcome,
    reason: report.reason,
    seconds: (report.endedAtMs - report.startedAtMs) / 1000,
    events: record.events,
    clients: clientSummary(answers.filter(({ atMs }) => atMs >= fromMs && atMs < toMs)),
  };
}

function clientSummary(answers: Seen['answers']): ClientSummary {
  return { ...tally(answers), byDeployment: tallyByDeployment(answers) };
}

/** The end of the story, for people. */
export function summaryLines(
  summary: Summary,
  versions: Readonly<Record<string, string>>,
): readonly string[] {
  const { good, bad, clients } = summary;
  const version = Object.fromEntries(
    Object.entries(versions).map(([name, deployment]) => [deployment, name]),
  );
  const rows = (when: string, { byDeployment, ...all }: ClientSummary) => [
    ...Object.entries(byDeployment).map(([name, t]) => row(when, `${name} ${version[name] ?? ''}`.trim(), t)),
    ...(Object.keys(byDeployment).length === 1 ? [] : [row(when, 'all', all)]),
  ];
  return [
    ...columns([
      ['', 'ANSWERED BY', 'REQUESTS', 'FAILED', 'P50', 'P95'],
      ...rows('rollout of v2', good.clients),
      ...rows('rollout of v3', bad.clients),
      ...rows('whole demo', clients),
    ]),
    '',
    ...(bad.breach === null ? [] : [`v3 went back because: ${bad.breach.sentence}`]),
    ...(bad.firstBadAnswerToReadBack === null
      ? []
      : [
          `from the first bad answer of v3 to all traffic read back at ${versions['v2'] ?? 'v2'}: ` +
            `${bad.firstBadAnswerToReadBack.toFixed(1)} s` +
            (bad.decisionToReadBack === null
              ? ''
              : `, of which ${bad.decisionToReadBack.toFixed(1)} s after the verdict`),
        ]),
    `histories in Temporal: ${good.events} and ${bad.events} events`,
    ...(summary.temporalUi === null ? [] : [`Temporal UI: ${summary.temporalUi}`]),
    `the demo took ${summary.seconds.toFixed(0)} s`,
  ];
}

function row(when: string, who: string, { requests, errors, p50Ms, p95Ms }: Tally): readonly string[] {
  return [when, who, String(requests), String(errors), millis(p50Ms), millis(p95Ms)];
}
