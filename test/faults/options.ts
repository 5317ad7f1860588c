import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../embedded/package-root.js';
import type { MatrixOptions } from './matrix.js';
import { SPECS } from './specs.js';
import { TARGETS, VICTIMS } from './world.js';

const USAGE = `npm run faults -- [options]
  --target NAME    one of ${TARGETS.join(', ')} (default host)
  --spec NAME      one of ${SPECS.join(', ')}; may be given several times
  --victim NAME    may be given several times; host: ${VICTIMS.host.join(', ')};
                   kubernetes: ${VICTIMS.kubernetes.join(', ')}
  --at N           kill when the history has N events; may be given several times
  --sample N       so many cells, drawn evenly
  --seed N         of the order and the sample (default 1)
  --times N        run all of it so often (default 1)
  --jobs N         so many cells side by side, each with a Temporal, host and worker of its own (default 1)
  --undisturbed    kill nothing: for how long things take by themselves
  --out FILE       table, Markdown (default dist/faults.md)
  --resume         go on with that table, where an earlier run was cut: what it has is not run again`;

/** @throws {RangeError} with the usage, for what is not an option. */
export function parseOptions(args: readonly string[]): Omit<MatrixOptions, 'say'> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: 'string', default: 'host' },
      spec: { type: 'string', multiple: true },
      victim: { type: 'string', multiple: true },
      at: { type: 'string', multiple: true },
      sample: { type: 'string' },
      seed: { type: 'string' },
      times: { type: 'string' },
      jobs: { type: 'string' },
      undisturbed: { type: 'boolean', default: false },
      out: { type: 'string' },
      resume: { type: 'boolean', default: false },
    },
  });
  const [target = 'host'] = oneOf('--target', [values.target], TARGETS);
  const jobs = whole('--jobs', values.jobs ?? '1');
  if (jobs > 1 && target !== 'host')
    throw new RangeError(`--jobs is ${jobs}; a test bed is one world, leave it out for --target ${target}`);
  return {
    target,
    specs: oneOf('--spec', values.spec, SPECS),
    victims: oneOf('--victim', values.victim, VICTIMS[target]),
    at: values.at?.map((text) => whole('--at', text)) ?? null,
    sample: values.sample === undefined ? null : whole('--sample', values.sample),
    seed: whole('--seed', values.seed ?? '1'),
    times: whole('--times', values.times ?? '1'),
    jobs,
    undisturbed: values.undisturbed,
    out: values.out ?? join(packageRoot(), 'dist', 'faults.md'),
    resume: values.resume,
  };
}

function oneOf<T extends string>(
  option: string,
  given: readonly string[] | undefined,
  all: readonly T[],
): readonly T[] {
  const wrong = given?.find((name) => !all.some((known) => known === name));
  if (wrong !== undefined) throw new RangeError(`${option} is "${wrong}"\n${USAGE}`);
  return given === undefined ? all : all.filter((name) => given.includes(name));
}

function whole(option: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new RangeError(`${option} is "${text}"; expected a whole number of at least 1\n${USAGE}`);
}
