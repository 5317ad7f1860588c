import { endpointArgument } from '../../core/command-text.js';
import { nameOn } from '../../core/plan.js';
import { normalTraffic, sameTraffic, trafficText } from '../../core/traffic.js';
import type { Context } from '../context.js';
import { deleteDeployment } from '../delete-deployment.js';
import { openTarget, writeAndReadBack } from '../endpoints.js';
import { CliError } from '../errors.js';
import type { CommandFunction } from '../program.js';
import { chooseDestination } from '../revert-choice.js';

/** Temporal is asked for a warning only: an emergency does not wait for it. */
const TEMPORAL_MS = 2_000;

export const revert: CommandFunction = async (ctx, [endpoint = ''], options) => {
  const { force = false, ...names } = options as { to?: string; force?: boolean; delete?: string };
  const [to, goes] = [names.to, names.delete].map((name) =>
    name === undefined ? undefined : nameOn(ctx.target, name),
  );
  const located = { target: ctx.target, endpoint };
  const ports = await openTarget(ctx);
  const { endpoints } = ports;
  const before = await endpoints.read(endpoint);
  const choice = chooseDestination(before, to, force, goes);
  if ('refused' in choice) throw new CliError('refused', choice.refused);

  const wanted = normalTraffic({ live: { [choice.to]: 100 }, mirror: {} });
  const changed = !sameTraffic(before.traffic, wanted) || before.pending !== undefined;
  // An emergency: whoever manages the traffic rules now.
  const how = { takeOver: true, goesBack: true };
  if (changed) await writeAndReadBack(endpoints, located, wanted, ctx.out.note, how);
  const serves = `${endpoint} serves ${trafficText(wanted)}`;
  const back = `${serves}, read back. Before: ${trafficText(before.traffic)}.`;
  const facts = { endpoint, changed, before: before.traffic, traffic: wanted };
  if (goes === undefined) {
    ctx.out.result(
      changed ? `${back} Nothing was deleted.` : `${serves} already; nothing was changed.`,
      facts,
    );
  } else {
    ctx.out.line(changed ? back : `${serves} already; its traffic was not changed.`);
  }
  // Afterwards: the traffic is what matters, and it does not wait for a server that may be down.
  await warnOfRollout(ctx, endpoint);
  if (goes === undefined) return 'ok';

  const wasThere = await deleteDeployment(ports, located, goes, ctx.out.note);
  ctx.out.result(
    wasThere
      ? `The deployment ${goes} of ${endpoint} is deleted, read back.`
      : `${endpoint} has no deployment ${goes}: it is gone already.`,
    { ...facts, deleted: { deployment: goes, goneAlready: !wasThere } },
  );
  return 'ok';
};

async function warnOfRollout(ctx: Context, endpoint: string): Promise<void> {
  try {
    const [{ connect, findTemporal }, { findRollout }, { textAttribute }] = await Promise.all([
      import('../../client/temporal.js'),
      import('../../client/find.js'),
      import('../../client/search-attributes.js'),
    ]);
    const session = await connect(await findTemporal(ctx), TEMPORAL_MS);
    try {
      const known = await session.client.withDeadline(Date.now() + TEMPORAL_MS, () =>
        findRollout(session, ctx.target, endpoint),
      );
      if (known?.running !== true) return;
      const phase = textAttribute(known.description.typedSearchAttributes, 'RolloutPhase');
      // It only tells of its end, and looks at nothing any more.
      if (phase === 'finished') return;
      const on = endpointArgument({ target: ctx.target, endpoint });
      ctx.out.note(
        phase === 'rolling-back'
          ? `The rollout of ${endpoint} is rolling back. It goes on by itself, puts the traffic back as it was before the rollout, whatever it finds, and takes no abort:\n` +
              `  $ greenlight status ${on}    shows what it waits for`
          : `A rollout of ${endpoint} runs. It will notice that someone else changed the traffic, and hold for a person:\n` +
              `  $ greenlight abort ${on} --reason …    ends it, and puts the traffic back as it was before the rollout\n` +
              `  $ greenlight drift ${on} --adopt --reason …    goes on from here, where a step is left that gives the new version its share`,
      );
    } finally {
      await session.client.connection.close();
    }
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
    ctx.out.note(
      `Whether a rollout of ${endpoint} runs, which would notice this and hold, could not be asked. ${why}`,
    );
  }
}
