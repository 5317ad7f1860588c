import { replayGates, type Decided, type StepDecision } from '../../core/decision-record.js';
import { CliError } from '../errors.js';
import type { CommandFunction } from '../program.js';
import { readSpec } from '../spec-file.js';
import { withGreenlight } from '../with-greenlight.js';

/** Runs what an endpoint's newest rollout saw through the gates of a spec, and shows where they decide otherwise. */
export const replayGatesCommand: CommandFunction = async (ctx, [endpoint = ''], options) => {
  const { gates: file = '' } = options as { gates?: string };
  const spec = await readSpec(ctx, file);
  if (spec === undefined) return 'rejected';
  return withGreenlight(ctx, async (greenlight) => {
    const record = await greenlight.evidence(endpoint);
    const replay = replayGates(record, spec.plan.gates, spec.plan.watching);
    if (!replay.ok) {
      const why = replay.problems.map((problem) => problem.message).join('\n');
      throw new CliError('refused', `The gates of ${file} cannot judge what was recorded:\n${why}`);
    }
    ctx.out.result(replay.steps.flatMap(stepLines).join('\n'), replay.steps);
    return 'ok';
  });
};

function stepLines({ label, recorded, replayed }: StepDecision): readonly string[] {
  const same = recorded?.decision === replayed?.decision;
  return [
    `${same ? '=' : '≠'} ${label}`,
    `    recorded  ${decidedText(recorded)}`,
    `    replayed  ${decidedText(replayed)}`,
  ];
}

function decidedText(decided: Decided | null): string {
  if (decided === null) return 'nothing decided';
  return `${decided.decision} after ${Math.round(decided.afterSec)} s: ${decided.sentence}`;
}
