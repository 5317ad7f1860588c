// `node scripts/bootstrap.mjs build | demo [args] | test [args] | bench NAME [args] | faults [args] |
// test:k8s [args] | k8s-bed [command]`, straight after `git clone`.
//
// Plain JavaScript without dependencies: it runs before there are any.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const OLDEST_NODE = [20, 12];

class Problem extends Error {}

const commands = {
  async build() {
    build();
    await bundleCli();
  },
  async demo(args) {
    // Without the tests: who wants to see the demo does not wait for their types.
    build(['tsconfig.node.json']);
    return run(process.execPath, [join(root, 'dist', 'demo', 'main.js'), ...args]);
  },
  async bench([name = '', ...args]) {
    const names = readdirSync(join(root, 'bench')).filter((file) => file.endsWith('.ts'));
    const known = names.map((file) => file.slice(0, -'.ts'.length));
    if (!known.includes(name)) {
      throw new Problem(
        `"${name}" is not a bench; wanted: npm run bench -- NAME, one of ${known.join(', ')}.`,
      );
    }
    build(['tsconfig.node.json']);
    await bundleCli();
    return run(process.execPath, [join(root, 'dist', 'bench', `${name}.js`), ...args]);
  },
  async test(args) {
    build();
    await bundleCli();
    // Before vitest starts: a tool that cannot be got is said in its own words, and not as a failed set-up.
    await ensureTools();
    return run(process.execPath, [bin('vitest', 'vitest.mjs'), 'run', ...args]);
  },
  async faults(args) {
    build();
    await ensureTools();
    const env = { ...process.env, GREENLIGHT_FAULTS: JSON.stringify(args) };
    const config = join(root, 'test', 'faults', 'faults.config.ts');
    const vitest = [bin('vitest', 'vitest.mjs'), 'run', '--config', config];
    const [, target] = /(?:^| )--target[ =](\S+)/.exec(args.join(' ')) ?? [];
    if (target === 'kubernetes') return inTestBed([process.execPath, ...vitest], { env });
    return run(process.execPath, vitest, { env });
  },
  async 'test:k8s'(args) {
    build();
    await ensureTools();
    const config = join(root, 'test', 'k8s', 'k8s.config.ts');
    // For the test bed, and not for vitest: see embedded/kubernetes/main.ts.
    const before = args[0] === '--where-possible' ? args.splice(0, 1) : [];
    // Takes so long to build that only who asks for all of it has to: without it, its tests are skipped.
    if (before.length === 0) await ensureIstiod();
    const vitest = [process.execPath, bin('vitest', 'vitest.mjs'), 'run', '--config', config];
    return inTestBed([...before, ...vitest, ...args]);
  },
  'k8s-bed'(args) {
    build(['tsconfig.node.json']);
    return inTestBed(args);
  },
};

async function main([name, ...args]) {
  checkNode();
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
  if (command === undefined) {
    throw new Problem(
      `"${name ?? ''}" is not a command of scripts/bootstrap.mjs; wanted: ${Object.keys(commands).join(', ')}.`,
    );
  }
  return (await command(args)) ?? 0;
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [wantMajor, wantMinor] = OLDEST_NODE;
  if (major > wantMajor || (major === wantMajor && minor >= wantMinor)) return;
  throw new Problem(
    `This is Node ${process.versions.node}; wanted: ${OLDEST_NODE.join('.')} or later. ` +
      'Install a newer Node (nodejs.org, or nvm install 20) and run this again.',
  );
}

function build(projects = []) {
  installPackages();
  // Only what changed is compiled: the compiler keeps track in dist/.
  const code = run(process.execPath, [bin('typescript', 'bin/tsc'), '-b', ...projects]);
  if (code !== 0) throw new Problem('The sources do not compile; see the errors above.');
}

/** Loaded when the packages are there. */
async function bundleCli() {
  const { bundle } = await import('./bundle.mjs');
  await bundle(root);
}

/** `npm ci`, when node_modules is not what the lock file says. */
function installPackages() {
  if (isInstalled()) return;
  refuseLink();
  say('installing npm packages from package-lock.json');
  const code = run('npm', ['ci', '--no-audit', '--no-fund'], {
    shell: process.platform === 'win32',
    toStderr: true,
  });
  if (code !== 0) {
    throw new Problem(
      '`npm ci` did not work; see above. Check the network or the registry, and run this again.',
    );
  }
}

/** `npm ci` empties the folder first: through a link, that is somebody else's. */
function refuseLink() {
  const folder = join(root, 'node_modules');
  if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  throw new Problem(
    `${folder} is a link, and what it leads to is not what package-lock.json says; wanted: a folder of its own. ` +
      '`npm ci` would empty the folder behind the link. Remove the link and run this again.',
  );
}

/**
 * Compares with npm's own note of what it put into node_modules, which it writes last: half an installation has none.
 * A package missing there is fine when it is optional (made for other platforms).
 */
function isInstalled() {
  const noteFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(noteFile)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(noteFile, 'utf8')).packages;
  const same = (path) => wanted[path]?.version === installed[path]?.version;
  return (
    Object.keys(installed).every(same) &&
    Object.entries(wanted).every(
      ([path, { optional }]) => path === '' || same(path) || (optional && !installed[path]),
    )
  );
}

async function ensureTools() {
  const tools = await import(pathToFileURL(join(root, 'dist', 'embedded', 'tools.js')).href);
  await tools.ensureTools();
}

async function ensureIstiod() {
  const istio = await import(pathToFileURL(join(root, 'dist', 'embedded', 'kubernetes', 'istio.js')).href);
  await istio.ensureIstiod();
}

/** Brings the Kubernetes test bed up around a command (default: a shell). */
function inTestBed(command, options = {}) {
  return run(
    process.execPath,
    [join(root, 'dist', 'embedded', 'kubernetes', 'main.js'), ...command],
    options,
  );
}

/** @returns the exit code; 1 when it was ended by a signal. */
function run(command, args, { shell = false, toStderr = false, env = process.env } = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['inherit', toStderr ? process.stderr : 'inherit', 'inherit'],
    shell,
    env,
  });
  if (error) throw new Problem(`\`${command}\` did not start: ${error.message}`);
  return status ?? 1;
}

function bin(packageName, file) {
  return join(root, 'node_modules', packageName, file);
}

function say(line) {
  process.stderr.write(`greenlight: ${line}\n`);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    // Problems are for people, as they are; anything else is a fault of ours and keeps its stack.
    const known = error instanceof Problem || error?.name === 'EmbeddedError';
    process.stderr.write(`greenlight: ${known ? error.message : error?.stack}\n`);
    process.exitCode = 1;
  },
);
