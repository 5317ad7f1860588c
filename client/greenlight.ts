import { resolve } from 'node:path';
import { DEFAULT_TARGET } from '../core/command-text.js';
import type { DecisionRecord } from '../core/decision-record.js';
import { nameOn, targetName, type Plan, type Target } from '../core/plan.js';
import { stateDir } from '../embedded/state-dir.js';
import type { Ending } from '../report/index.js';
import { GreenlightError, inOurWords } from './errors.js';
import type { RolloutEvent } from './events.js';
import { chainOf, findRollout } from './find.js';
import { listRollouts, type ListedRollout, type ListOptions } from './list.js';
import { Rollout, type Act } from './rollout.js';
import type { Memo, Started } from './start-rollout.js';
import { begin, planOf, submit, type Queued, type SubmitOptions } from './submit.js';
import { parseTarget } from './target.js';
import { connect, findTemporal, namedTemporal, type NamedTemporal, type Session } from './temporal.js';
import { thisUser } from './who.js';

export interface GreenlightOptions {
  /** Temporal's server. Default: what TEMPORAL_… or Temporal's configuration file name, else the one of `greenlight up`. */
  readonly temporal?: NamedTemporal;
  /** Where endpoints live that are named without a spec, as `--target` takes it: `kubernetes/NAMESPACE`, for one. */
  readonly target?: string | Target;
  /** Who submits and acts; kept with rollouts. Default: the user of this machine. */
  readonly by?: string;
  /** Folder that notes what `greenlight up` started. Default: as for the command line. */
  readonly stateDir?: string;
  /** The variables that name Temporal, the folder, and the keys for what Temporal keeps. Default: the process's. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Which rollout of an endpoint is meant. */
export interface RolloutChoice {
  /** Default: the client's. */
  readonly target?: Target | undefined;
  readonly run?: string | undefined;
}

/** As Temporal makes them. */
const RUN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Starts rollouts, watches and steers them. The command line is built on it. */
export class Greenlight {
  /**
   * Temporal's address and namespace, and how they were found.
   *
   * @internal
   */
  readonly session: Session;
  readonly #target: Target;
  readonly #by: string;

  private constructor(session: Session, target: Target, by: string) {
    this.session = session;
    this.#target = target;
    this.#by = by;
  }

  /**
   * Connects to Temporal. The caller closes it again.
   *
   * @throws {GreenlightError} unreachable, with the address and where it came from; usage, when the target is none.
   */
  static connect(options: GreenlightOptions = {}): Promise<Greenlight> {
    return inOurWords(async () => {
      const { target = DEFAULT_TARGET, env = process.env } = options;
      const chosen = typeof target === 'string' ? parseTarget(target) : target;
      const around = { env, stateDir: resolve(options.stateDir ?? stateDir(env)) };
      const place =
        options.temporal === undefined
          ? await findTemporal(around)
          : await namedTemporal(around, options.temporal);
      return new Greenlight(await connect(place), chosen, options.by ?? thisUser(env));
    });
  }

  async close(): Promise<void> {
    await this.session.client.connection.close();
    await this.session.tracing?.flush();
  }

  /**
   * Starts a rollout; one at a time per endpoint.
   *
   * @param spec - path of a spec, or a plan that `loadSpec` made of one.
   * @throws {SpecError} with every problem of the spec.
   * @throws {GreenlightError} already-running, no-worker, unreachable; refused, where the one before it left something
   *   undone.
   */
  submit(spec: string | Plan, options: SubmitOptions = {}): Promise<Rollout> {
    return this.#submitted<never>(spec, options, submit);
  }

  /**
   * As `submit`; but a plan that found its endpoint taken is left in the queue.
   *
   * @internal
   */
  begin(spec: string | Plan, options: SubmitOptions = {}): Promise<Rollout | Queued> {
    return this.#submitted(spec, options, begin);
  }

  #submitted<Q extends Queued>(
    spec: string | Plan,
    options: SubmitOptions,
    how: (session: Session, plan: Plan, memo: Memo, options: SubmitOptions) => Promise<Started | Q>,
  ): Promise<Rollout | Q> {
    return inOurWords(async () => {
      const { session } = this;
      const { plan, name } = await planOf(spec);
      const { endpoint, target, digest } = plan;
      const { by = this.#by } = options;
      const start = () => how(session, plan, { digest, by, spec: options.name ?? name }, options);
      const facts = { 'greenlight.endpoint': endpoint, 'greenlight.target': targetName(target) };
      const begun = await (session.tracing === undefined
        ? start()
        : session.tracing.span('submit', facts, start));
      if (begun.kind === 'queued') return begun;
      const { handle, runId } = begun;
      return new Rollout({ session, handle, endpoint, target, runId, by });
    });
  }

  /**
   * The newest rollout of an endpoint, under way or over.
   *
   * @param choice.run - the `runId` of a rollout: that one and no other, also where the endpoint has had another since.
   * @throws {GreenlightError} not-found, when there was none, or it is too long ago; usage, when the run is none.
   */
  rollout(named: string, { target = this.#target, run }: RolloutChoice = {}): Promise<Rollout> {
    return inOurWords(async () => {
      const { session } = this;
      const endpoint = nameOn(target, named);
      // Above all where it is empty, for want of a rollout: without one the newest would be meant, whoever's that is.
      if (run !== undefined && !RUN_ID.test(run)) {
        throw new GreenlightError(
          'usage',
          `"${run}" is no run of a rollout; expected its runId, as \`greenlight submit --output json\` prints it`,
        );
      }
      const found = await findRollout(session, target, endpoint, run);
      if (found === undefined) {
        const which = run === undefined ? 'rollout' : `rollout with the run ${run}`;
        throw new GreenlightError(
          'not-found',
          `Temporal at ${session.place.address} knows no ${which} of ${endpoint} on ${targetName(target)}.\n` +
            '`greenlight list` shows those that it knows; another target is named with --target.',
        );
      }
      const { handle, description } = found;
      return new Rollout({
        session,
        handle,
        endpoint,
        target,
        runId: chainOf(description).firstRunId,
        by: this.#by,
        description,
      });
    });
  }

  /** The rollouts that run, or all that Temporal remembers, newest first. */
  list(options: ListOptions = {}): Promise<readonly ListedRollout[]> {
    return inOurWords(() => listRollouts(this.session, options));
  }

  /** @see Rollout.status */
  async status(endpoint: string): Promise<Ending> {
    return (await this.rollout(endpoint)).status();
  }

  /** @see Rollout.watch */
  async *watch(
    endpoint: string,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<RolloutEvent, void, undefined> {
    yield* (await this.rollout(endpoint)).watch(options);
  }

  /** @see Rollout.approve */
  async approve(endpoint: string, act: Act = {}): Promise<string> {
    return (await this.rollout(endpoint)).approve(act);
  }

  /** @see Rollout.reject */
  async reject(endpoint: string, act: Act): Promise<string> {
    return (await this.rollout(endpoint)).reject(act);
  }

  /** @see Rollout.pause */
  async pause(endpoint: string, act: Act): Promise<string> {
    return (await this.rollout(endpoint)).pause(act);
  }

  /** @see Rollout.resume */
  async resume(endpoint: string, act: Act = {}): Promise<string> {
    return (await this.rollout(endpoint)).resume(act);
  }

  /** @see Rollout.abort */
  async abort(endpoint: string, act: Act): Promise<string> {
    return (await this.rollout(endpoint)).abort(act);
  }

  /** @see Rollout.evidence */
  async evidence(endpoint: string): Promise<DecisionRecord> {
    return (await this.rollout(endpoint)).evidence();
  }

  /** @see Rollout.report */
  async report(endpoint: string): Promise<string> {
    return (await this.rollout(endpoint)).report();
  }
}
