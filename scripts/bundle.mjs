// `dist/bin/greenlight.js`: the command line in few files, so that it starts quickly.
//
// Unbundled, `greenlight validate` loads 155 small files, 95 of them zod's; Node spends most of its time on them. Here
// what starts every command is one file, what reads a spec is another, and each command is one of its own. Other
// packages stay in node_modules: a command that needs them takes longer anyway.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

/** Packages that are in the way of a quick start. */
const INSIDE = new Set(['commander', 'zod', 'yaml', 'fastest-levenshtein']);

/** The bundler does not run on an older Node. */
const BUNDLER_NODE = [20, 19];

/** @param {string} root folder of package.json; its `dist/` is compiled. */
export async function bundle(root) {
  const main = join(root, 'dist', 'cli', 'main.js');
  const specRoom = join(root, 'dist', 'spec', 'index.js');
  const dir = join(root, 'dist', 'bin');
  await rm(dir, { recursive: true, force: true });
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < BUNDLER_NODE[0] || (major === BUNDLER_NODE[0] && minor < BUNDLER_NODE[1])) {
    // The same program, only slower to start.
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'greenlight.js'), "#!/usr/bin/env node\nimport '../cli/main.js';\n");
    return;
  }
  const { rolldown } = await import('rolldown');
  const bundled = await rolldown({
    input: { greenlight: main },
    platform: 'node',
    external: (id) => !id.startsWith('.') && !isAbsolute(id) && !INSIDE.has(id),
  });
  const closures = new Map();
  await bundled.write({
    dir,
    // Names stay: a stack that somebody sends us has to be read.
    minify: { compress: false, mangle: false, codegen: true },
    codeSplitting: {
      groups: [
        group('start', 2, (id, graph) => closure(main, graph, closures).has(id)),
        group('spec', 1, (id, graph) => closure(specRoom, graph, closures).has(id)),
      ],
    },
  });
  await bundled.close();
}

function group(name, priority, holds) {
  return { name: (id, graph) => (holds(id, graph) ? name : null), debugName: name, priority };
}

/** A module and all that it loads at once. */
function closure(from, graph, known) {
  const found = known.get(from) ?? new Set();
  if (found.size > 0) return found;
  known.set(from, found.add(from));
  // A set grows while it is gone through.
  for (const id of found) for (const next of graph.getModuleInfo(id)?.importedIds ?? []) found.add(next);
  return found;
}
