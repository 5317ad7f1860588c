import { join } from 'node:path';
import { openEncryption } from '../codec/data-converter.js';
import { DEFAULT_NAMESPACE } from '../core/names.js';
import { SEARCH_ATTRIBUTES, USES_SEARCH_ATTRIBUTES } from '../core/search-attributes.js';
import { counted } from '../core/units.js';
import { runningDaemon } from '../embedded/daemons.js';
import { ok, problem, textOf, warning, type Check } from './checks.js';
import type { Context } from './context.js';
import { connect, findTemporal, type Session, type TemporalPlace } from '../client/temporal.js';
import { noWorkerText, pollingWorkers } from '../client/workers.js';
import { workerVersions, type WorkerVersion } from '../client/versions.js';

const ASK_MS = 5_000;

/** Temporal, its search attributes, the workers. What hangs on another check is not checked without it. */
export async function checkTemporal(ctx: Context): Promise<readonly Check[]> {
  let session: Session;
  try {
    session = await connect(await findTemporal(ctx), ASK_MS);
  } catch (error) {
    const [found, ...mend] = textOf(error).split('\n');
    return [problem('Temporal', found ?? '', mend.join(' ') || 'see the message')];
  }
  try {
    return await session.client.withDeadline(Date.now() + ASK_MS, () => checkServer(session));
  } catch (error) {
    const ours = session.place.source === 'stack';
    const mend = ours ? 'see its log; `greenlight up` starts one on this machine' : 'see its log';
    return [problem('Temporal', textOf(error), mend)];
  } finally {
    await session.client.connection.close();
  }
}

async function checkServer(session: Session): Promise<readonly Check[]> {
  const { place, client } = session;
  try {
    await client.workflowService.describeNamespace({ namespace: place.namespace });
  } catch (error) {
    return [
      problem(
        'Temporal',
        `${place.address} answers, and has no namespace "${place.namespace}": ${textOf(error)}`,
        `set TEMPORAL_NAMESPACE to one that it has (default "${DEFAULT_NAMESPACE}"), or create it`,
      ),
    ];
  }
  const workers = await pollingWorkers(session, Date.now());
  const [missing = '', advice = ''] = noWorkerText(session).split('\n');
  return [
    ok('Temporal', `${place.address}, namespace ${place.namespace} (named by ${place.origin})`),
    await checkSearchAttributes(session),
    workers.length > 0 ? ok('Worker', workers.join(', ')) : problem('Worker', missing, advice),
    versionsCheck(await workerVersions(session, Date.now())),
  ];
}

/** With which versions of the workers rollouts run, which of them are still needed, and which are missing. */
export function versionsCheck(versions: readonly WorkerVersion[]): Check {
  const name = 'Worker versions';
  if (versions.length === 0) return ok(name, 'off: any worker goes on with any rollout');
  const found = versions.map(versionText).join('; ');
  const orphaned = versions.filter(({ rollouts, polls }) => !polls && (rollouts ?? 0) > 0);
  if (orphaned.length > 0) {
    const ids = orphaned.map(({ buildId }) => buildId);
    const mend = `rollouts of ${ids.join(', ')} stand still: start a worker with \`--version ${ids[0]}\`, or move them to the current version (docs/upgrades.md)`;
    return warning(name, found, mend);
  }
  if (versions.some(({ state }) => state === 'current')) return ok(name, found);
  return warning(
    name,
    `${found}; none is current, so only workers without a version begin rollouts`,
    'start one with `--make-current` (docs/upgrades.md)',
  );
}

function versionText({ buildId, state, rollouts, polls }: WorkerVersion): string {
  const runs = rollouts === null ? '' : `, ${counted(rollouts, 'rollout')}`;
  if (state !== 'draining') return `${buildId} ${state}${runs}${polls ? '' : ', no worker'}`;
  if (rollouts !== 0) return `${buildId} draining${runs}${polls ? '' : ', no worker'}`;
  return `${buildId} drained${polls ? ': its workers can be stopped' : ''}`;
}

async function checkSearchAttributes({ client, place }: Session): Promise<Check> {
  const { namespace } = place;
  try {
    await client.workflowService.countWorkflowExecutions({ namespace, query: USES_SEARCH_ATTRIBUTES });
    return ok('Search attributes', Object.keys(SEARCH_ATTRIBUTES).join(', '));
  } catch (error) {
    return problem('Search attributes', textOf(error), `run ${registering(place)}`);
  }
}

/** The commands that make a namespace know the search attributes. */
function registering({ source, namespace }: TemporalPlace): string {
  const types = Object.entries(SEARCH_ATTRIBUTES).map(
    ([name, type]) => [name, type === 'INT' ? 'Int' : 'Keyword'] as const,
  );
  const flags = types.map(([name, type]) => `--name ${name} --type ${type}`).join(' ');
  const create = `\`temporal operator search-attribute create --namespace ${namespace} ${flags}\``;
  if (source === 'stack') return `\`greenlight up\`, or ${create}`;
  const cloudFlags = types.map(([name, type]) => `--search-attribute ${name}=${type}`).join(' ');
  return `${create}; on Temporal Cloud, \`tcld namespace search-attributes add --namespace ${namespace} ${cloudFlags}\``;
}

/** Whether payloads are encrypted, and with which keys. */
export async function checkEncryption({ env }: Context): Promise<Check> {
  try {
    const [first, ...older] = (await openEncryption(env)).keyIds;
    if (first === undefined) return ok('Encryption', 'off: Temporal keeps plans and evidence as plain text');
    return ok(
      'Encryption',
      `on, with the key ${first}${older.length === 0 ? '' : `; reads ${older.join(', ')} too`}`,
    );
  } catch (error) {
    return problem('Encryption', textOf(error), 'mend the keys: docs/encryption.md');
  }
}

/** Whether the Prometheus that the environment names answers; nothing where it names none. */
export async function checkPrometheus(env: NodeJS.ProcessEnv): Promise<readonly Check[]> {
  try {
    const { prometheusConnection } = await import('../adapters/prometheus/connection.js');
    const connection = prometheusConnection(env);
    if (connection === undefined) return [];
    const { PrometheusClient } = await import('../adapters/prometheus/client.js');
    const signal = AbortSignal.timeout(ASK_MS);
    const client = new PrometheusClient(connection);
    const known = await client.known(['up'], Date.now() - (connection.settleMs ?? 0), signal);
    return [
      known.size > 0
        ? ok('Prometheus', `${client.host} answers, and scrapes`)
        : warning(
            'Prometheus',
            `${client.host} answers, and has scraped nothing lately`,
            'see its page of targets',
          ),
    ];
  } catch (error) {
    return [problem('Prometheus', textOf(error), 'check GREENLIGHT_PROMETHEUS_URL and what goes with it')];
  }
}

/** What `up` started here, and whether it still runs. */
export async function checkDaemons(ctx: Context): Promise<Check> {
  const names = ['temporal', 'host', 'worker'];
  const running = await Promise.all(names.map((name) => runningDaemon(ctx.stateDir, name)));
  const up = names.filter((_, i) => running[i] !== undefined);
  const text =
    up.length === 0 ? 'nothing was started here by `greenlight up`' : `running here: ${up.join(', ')}`;
  return up.length === 0 || up.length === names.length
    ? ok('Local parts', text)
    : warning(
        'Local parts',
        text,
        `\`greenlight up\` starts the others; logs are in ${join(ctx.stateDir, '*.log')}`,
      );
}
