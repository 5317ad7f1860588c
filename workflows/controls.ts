import {
  ApplicationFailure,
  currentUpdateInfo,
  defineQuery,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import type { UpdateDefinition } from '@temporalio/common';

import { GONE, whyNotAdopt } from '../core/adopt.js';
import { approversOf, approversText } from '../core/approvers.js';
import { FailureType } from '../core/failures.js';
import {
  MessageName,
  type ActionInput,
  type ResolveDriftInput,
  type RolloutStatus,
} from '../core/messages.js';
import type { Heard, HumanAction } from '../core/run.js';
import type { Run } from './run.js';

const statusQuery = defineQuery<RolloutStatus>(MessageName.status);
const approveUpdate = defineUpdate<string, [ActionInput]>(MessageName.approve);
const rejectUpdate = defineUpdate<string, [ActionInput]>(MessageName.reject);
const pauseUpdate = defineUpdate<string, [ActionInput]>(MessageName.pause);
const resumeUpdate = defineUpdate<string, [ActionInput]>(MessageName.resume);
const abortUpdate = defineUpdate<string, [ActionInput]>(MessageName.abort);
const resolveDriftUpdate = defineUpdate<string, [ResolveDriftInput]>(MessageName.resolveDrift);

const NOTHING_TO_GO_BACK_TO =
  'green holds all traffic and the baseline is being deleted: there is nothing to go back to';

/**
 * Wires the messages to the run. Handlers and validators are synchronous: a validator is never awaited, and a handler
 * only notes what a person wants; the main loop acts on it.
 */
export function installControls(run: Run): void {
  setHandler(statusQuery, () => run.status(), {
    description: 'Where the rollout stands, and what can be done now.',
  });

  hear(
    run,
    approveUpdate,
    (input) => {
      run.state.approval = noted(run, 'approve', input);
      run.state.ask = null;
      return 'approved';
    },
    {
      description: 'Go on: an approval step, or a step whose gates could not decide.',
      validator: (input) => {
        checkInput(input, 'approve', false);
        refuseWhenOver(run);
        if (!run.asksForApproval) throw notNow(run, 'nothing waits for approval');
        if (run.state.approval !== null) throw notNow(run, 'it is approved already');
        refuseOldAnswer(run, input);
        refuseStranger(run, input, 'approve it');
      },
    },
  );

  hear(
    run,
    rejectUpdate,
    (input) => {
      run.rejection = noted(run, 'reject', input);
      run.state.ask = null;
      return 'rejected; rolling back';
    },
    {
      description: 'Say no where approval is asked for: the rollout rolls back.',
      validator: (input) => {
        checkInput(input, 'reject', true);
        refuseWhenOver(run);
        if (!run.asksForApproval)
          throw notNow(run, 'nothing waits for approval; to stop the rollout, abort it');
        if (run.state.approval !== null)
          throw notNow(run, 'it is approved already; to stop the rollout, abort it');
        refuseOldAnswer(run, input);
      },
    },
  );

  hear(
    run,
    pauseUpdate,
    (input) => {
      const action = noted(run, 'pause', input);
      run.state.paused = { by: action.by, reason: action.reason, sinceMs: action.atMs };
      run.keepTime();
      run.show();
      return run.writing === null
        ? 'paused; the gates go on watching'
        : `paused from ${run.writing} on, whose write is under way; the gates go on watching`;
    },
    {
      description: 'Stay at this share. Gates keep their power: a breach still rolls back.',
      validator: (input) => {
        checkInput(input, 'pause', true);
        refuseWhenOver(run);
        if (run.pastReturn) throw notNow(run, NOTHING_TO_GO_BACK_TO);
        if (run.state.paused !== null) throw notNow(run, `it is paused already, by ${run.state.paused.by}`);
      },
    },
  );

  hear(
    run,
    resumeUpdate,
    (input) => {
      noted(run, 'resume', input);
      run.state.paused = null;
      run.keepTime();
      run.show();
      return 'resumed';
    },
    {
      description: 'Go on after a pause.',
      validator: (input) => {
        checkInput(input, 'resume', false);
        refuseWhenOver(run);
        if (run.state.paused === null) throw notNow(run, 'it is not paused');
      },
    },
  );

  hear(
    run,
    abortUpdate,
    (input) => {
      run.abort = noted(run, 'abort', input);
      return 'aborting; rolling back';
    },
    {
      description: 'Stop the rollout and put everything back as it was.',
      validator: (input) => {
        checkInput(input, 'abort', true);
        refuseWhenOver(run);
        if (run.pastReturn) throw notNow(run, NOTHING_TO_GO_BACK_TO);
      },
    },
  );

  hear(
    run,
    resolveDriftUpdate,
    (input) => {
      noted(run, input.choice === 'adopt' ? 'drift-adopt' : 'drift-restore', input);
      run.driftChoice = input.choice;
      return input.choice === 'adopt'
        ? 'going on from what stands there'
        : 'putting it back as the rollout left it';
    },
    {
      description:
        'Someone else changed the endpoint: adopt what stands there now, or restore what the rollout wrote.',
      validator: (input) => {
        checkInput(input, 'resolve drift', true);
        refuseWhenOver(run);
        const hold = run.state.hold;
        if (hold?.kind !== 'drift') throw notNow(run, 'the endpoint is as it wrote it');
        if (hold.observed === null) throw notNow(run, GONE);
        // It may be under way for long, and would be done whatever else was answered.
        if (run.driftChoice !== null) throw notNow(run, 'somebody has settled it already');
        if (input.choice !== 'adopt') return;
        // To restore undoes what came from outside; to adopt lets it stand, and is a word that not everybody has.
        refuseStranger(run, input, 'adopt what somebody changed');
        const why = whyNotAdopt(run.plan, run.state, hold);
        if (why !== null) throw notNow(run, why);
      },
    },
  );
}

/** So many answers are kept, the newest: whoever repeats a message does so soon, and people say few. */
const MANY_HEARD = 20;

/**
 * Takes a message once: one that is sent again gets the answer that it got. Within one run the server sees to that; it does
 * not know what earlier runs were told.
 */
function hear<Input extends ActionInput>(
  run: Run,
  update: UpdateDefinition<string, [Input]>,
  act: (input: Input) => string,
  { description, validator }: { readonly description: string; readonly validator: (input: Input) => void },
): void {
  setHandler(
    update,
    (input) => {
      const known = heardBefore(run);
      if (known !== undefined) return known.answer;
      const answer = act(input);
      const said = currentUpdateInfo();
      if (said !== undefined) {
        const { heard = [] } = run.state;
        run.state.heard = [...heard, { id: said.id, name: said.name, answer }].slice(-MANY_HEARD);
      }
      return answer;
    },
    {
      description,
      validator: (input) => {
        if (heardBefore(run) === undefined) validator(input);
      },
    },
  );
}

/** The message that is being taken, where it was taken before. */
function heardBefore({ state }: Run): Heard | undefined {
  const said = currentUpdateInfo();
  return state.heard?.find(({ id, name }) => id === said?.id && name === said.name);
}

/** An answer to one question is not an answer to another. */
function refuseOldAnswer(run: Run, { ask }: ActionInput): void {
  if (ask === undefined || ask === run.state.ask?.id) return;
  throw notNow(run, 'what was asked then is answered, or over; this is another question');
}

/** From the word that takes everything back on, whatever else is said would be answered and not done. */
function refuseWhenOver(run: Run): void {
  if (run.abort !== null) throw notNow(run, `it is being aborted already, by ${run.abort.by}`);
  if (run.rejection !== null) throw notNow(run, `it is rejected already, by ${run.rejection.by}`);
  if (run.phase === 'rolling-back') throw notNow(run, 'it is rolling back already');
  if (run.phase === 'finished') throw notNow(run, 'it is over');
}

/** What takes a rollout back or stops it is open to everyone: nobody should have to look for an approver first. */
function refuseStranger(run: Run, { by }: ActionInput, what: string): void {
  const approvers = approversOf(run.plan, run.step);
  if (approvers === null || approvers.includes(by.trim())) return;
  throw ApplicationFailure.nonRetryable(
    `The rollout of ${run.plan.endpoint} is ${run.phase}, and ${by} may not ${what}: its spec lets only ${approversText(approvers)} do that`,
    FailureType.NotAllowed,
  );
}

function noted(run: Run, kind: HumanAction['kind'], input: ActionInput): HumanAction {
  const action: HumanAction = { kind, by: input.by.trim(), reason: input.reason, atMs: Date.now() };
  run.state.actions = [...run.state.actions, action];
  run.turns += 1;
  return action;
}

function checkInput(input: ActionInput, what: string, needsReason: boolean): void {
  if (typeof input?.by !== 'string' || input.by.trim() === '') {
    throw ApplicationFailure.nonRetryable(`${what} needs to know who acts; give "by"`, FailureType.NotNow);
  }
  if (typeof input.reason !== 'string' || (needsReason && input.reason.trim() === '')) {
    throw ApplicationFailure.nonRetryable(
      `${what} needs a reason; it is kept with the rollout`,
      FailureType.NotNow,
    );
  }
}

function notNow(run: Run, why: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `The rollout of ${run.plan.endpoint} is ${run.phase}: ${why}`,
    FailureType.NotNow,
  );
}
