// Run as a program: `node main.js [COMMAND [ARG...]]` brings the test bed up, runs the command (default: a shell) in it,
// and takes it down. The command finds the cluster by KUBECONFIG; GREENLIGHT_GATEWAY, _GATEWAY_URL and _PROMETHEUS_URL
// name its gateway and its Prometheus, as Greenlight's Kubernetes target takes them.
//
// With `--where-possible` before the command, a machine that cannot have a test bed is no failure: one line says why.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { progressToStderr } from '../progress.js';
import { Bed, BED_FOLDER } from './bed.js';
import { imagesOfThisMachine } from './images.js';
import { INSIDE, runInNamespaces, whyNoNamespaces } from './namespaces.js';
import { ensureKubernetesTools, whyNoKubernetesTools } from './tools.js';

const WHERE_POSSIBLE = '--where-possible';
const given = process.argv.slice(2);
const words = given[0] === WHERE_POSSIBLE ? given.slice(1) : given;
const command = words.length > 0 ? words : [process.env['SHELL'] ?? 'sh'];

/** Outside: what has to be fetched or built is, for there is no network inside; then this same program again. */
async function outside(): Promise<number> {
  if (given[0] === WHERE_POSSIBLE) {
    const why = (await whyNoNamespaces()) ?? (await whyNoKubernetesTools());
    if (why !== undefined) {
      process.stderr.write(
        `skipped: the Kubernetes test bed is not possible on this machine: ${why.replace(/\s*\n[\s|]*/g, ': ')}\n`,
      );
      return 0;
    }
  }
  await ensureKubernetesTools();
  const folder = await mkdtemp(join(tmpdir(), 'greenlight-bed-'));
  process.env[BED_FOLDER] = folder;
  try {
    return await runInNamespaces(process.execPath, [fileURLToPath(import.meta.url), ...command]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function inside(folder: string): Promise<number> {
  const startedMs = Date.now();
  const bed = await Bed.start(folder);
  const node = await bed.startNode(imagesOfThisMachine());
  progressToStderr(`the Kubernetes test bed is up after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    stdio: 'inherit',
    env: {
      ...process.env,
      KUBECONFIG: bed.kubeConfigFile,
      GREENLIGHT_GATEWAY: `${bed.gateway.namespace}/${bed.gateway.name}`,
      GREENLIGHT_GATEWAY_URL: bed.gatewayUrl,
      GREENLIGHT_PROMETHEUS_URL: bed.prometheusUrl,
    },
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode) => resolve(exitCode ?? 1));
  });
  await node.stop();
  await bed.stop();
  return code;
}

try {
  const folder = process.env[BED_FOLDER];
  process.exitCode =
    process.env[INSIDE] === undefined || folder === undefined ? await outside() : await inside(folder);
} catch (error) {
  const known = error instanceof Error && error.name === 'EmbeddedError';
  process.stderr.write(
    `greenlight: ${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = 1;
}
