import { builtinModules } from 'node:module';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

// The house's import table (core ← spec, workflows, activities, adapters, host ← client ← cli; worker), as rules that fire.
// Each message says what to do instead.

const ROOMS = [
  'core',
  'spec',
  'workflows',
  'activities',
  'adapters',
  'codec',
  'host',
  'embedded',
  'worker',
  'telemetry',
  'client',
  'cli',
  'demo',
  'report',
];

/** `import type` from there is fine. */
const types = (pattern) => ({ ...pattern, allowTypeImports: true });

/** Another room of this repository, from any depth. */
const rooms = (names, message) => ({ regex: `^(\\.\\./)+(${names.join('|')})/`, message });
const others = (allowed) => ROOMS.filter((room) => !allowed.includes(room));

/** Every package but `allowed`; with `node: true`, Node's own modules are fine. */
const packages = (allowed, message, { node = true } = {}) => {
  const fine = allowed.map((name) => `${name.replaceAll('/', '\\/')}($|/)`);
  if (node) fine.push('node:');
  return { regex: `^(?!\\.{1,2}/${fine.map((name) => `|${name}`).join('')})`, message };
};

/** Node's modules under their old names: `node:fs` cannot be mistaken for a package. */
const oldNodeNames = {
  paths: builtinModules
    .filter((name) => !name.startsWith('_') && !name.includes(':'))
    .map((name) => ({ name, message: `Write node:${name}.` })),
};

const table = (room, ...patterns) => ({
  files: [`${room}/**/*.ts`, `${room}/**/*.tsx`],
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { ...oldNodeNames, patterns }] },
});

/** A query may run a workflow ahead of its task, by the clock and the history of the task before: docs/upgrades.md. */
const sameInReplay = {
  files: ['workflows/**/*.ts'],
  rules: {
    'no-restricted-syntax': [
      'error',
      {
        selector:
          'MemberExpression[property.name=/^(historyLength|historySize|continueAsNewSuggested)$/], Property[key.name=/^(historyLength|historySize|continueAsNewSuggested)$/]',
        message: 'Not the same in a replay: count what the workflow does itself.',
      },
      {
        selector:
          ':matches(IfStatement > .test, ConditionalExpression > .test, WhileStatement > .test) CallExpression[callee.object.name="Date"]',
        message: 'Not the same in a replay: let an activity, a timer or a count of its own decide.',
      },
    ],
  },
};

const houseTable = [
  sameInReplay,
  table(
    'core',
    rooms(
      others(['core']),
      'core/ stands at the bottom and imports core/ only: move what is needed into core/.',
    ),
    packages(
      [],
      'core/ runs everywhere, also in the workflow sandbox: no package and no Node module. Do it in plain code, or in an adapter.',
      { node: false },
    ),
  ),
  table(
    'spec',
    rooms(others(['core', 'spec']), 'spec/ turns YAML into a plan: it imports core/ and spec/ only.'),
    packages(
      ['yaml', 'zod', 'fastest-levenshtein'],
      'spec/ knows yaml, zod and a spelling distance, no other package: do other work in the room that calls it.',
    ),
  ),
  table(
    'workflows',
    types(
      rooms(
        ['activities', 'adapters'],
        'A value import drags activities into the sandbox: use the interfaces in core/activities.ts with proxyActivities.',
      ),
    ),
    rooms(
      others(['core', 'workflows', 'activities', 'adapters']),
      'workflows/ imports core/ and workflows/ only.',
    ),
    packages(
      ['@temporalio/workflow', '@temporalio/common'],
      'The sandbox has @temporalio/workflow and @temporalio/common, nothing else: do it in an activity, or in core/.',
      { node: false },
    ),
  ),
  table(
    'activities',
    types({
      // Whoever calls a port says how long it has, by the signal that the port's calls are made under.
      regex: '^(\\.\\./)+adapters/(?!own-signal\\.js)',
      message:
        'Activities see ports, not adapters: use `import type` of adapters/ports.ts, and let worker/ hand the adapter in.',
    }),
    rooms(
      others(['core', 'activities', 'adapters']),
      'activities/ imports core/, activities/ and the types of adapters/ports.ts only.',
    ),
    packages(
      ['@temporalio/activity', '@temporalio/common'],
      'activities/ is a Temporal shell around ports: it needs @temporalio/activity and /common only. Other I/O belongs in an adapter.',
    ),
  ),
  table(
    'adapters',
    rooms(
      others(['core', 'adapters']),
      'Adapters know nothing of Temporal, workflows or the host: import core/ and adapters/ only.',
    ),
    {
      regex: '^@temporalio/',
      message: 'Adapters know nothing of Temporal: throw a PortError, activities/ maps it.',
    },
  ),
  table(
    'host',
    types(
      rooms(['core'], 'The host is a program of its own: it uses `import type` of core/, no code of it.'),
    ),
    rooms(
      others(['core', 'host']),
      'The host is a program of its own: it imports host/ and the types of core/ only.',
    ),
    { regex: '^@temporalio/', message: 'The host knows nothing of Temporal.' },
  ),
  table(
    'embedded',
    rooms(
      others(['core', 'codec', 'embedded']),
      'embedded/ starts other parts as processes: it imports core/, codec/ and embedded/ only.',
    ),
  ),
  table(
    'codec',
    rooms(
      others(['codec']),
      'codec/ encrypts payloads for clients and workers alike: it imports nothing of the house.',
    ),
    packages(
      ['@temporalio/common', '@temporalio/proto'],
      'codec/ needs Node, @temporalio/common and /proto only.',
    ),
  ),
  table(
    'telemetry',
    rooms(others(['telemetry']), 'telemetry/ knows OpenTelemetry and nothing of rollouts.'),
    packages(
      ['@opentelemetry', '@temporalio/interceptors-opentelemetry'],
      'telemetry/ knows OpenTelemetry and its Temporal plugin, nothing else.',
    ),
  ),
  table(
    'client',
    rooms(
      others(['core', 'spec', 'codec', 'embedded', 'report', 'telemetry', 'client']),
      'client/ is the library: it imports core/, spec/, codec/, embedded/, report/, telemetry/ and client/ only.',
    ),
    {
      regex: '^@temporalio/(?!(client|common)($|/))',
      message: 'The library is a client: @temporalio/client and /common only.',
    },
  ),
  table(
    'cli',
    rooms(['activities', 'workflows'], 'The CLI talks to rollouts through the library: use client/.'),
    rooms(['host', 'worker'], 'The CLI starts the host and the worker as processes: use embedded/.'),
    {
      regex: '^@temporalio/',
      message: 'The CLI is built on the library: what speaks to Temporal belongs in client/.',
    },
  ),
  table(
    'worker',
    rooms(
      ['workflows'],
      'Workflows are bundled by path: a value import would run them outside of the sandbox.',
    ),
    rooms(
      ['host', 'cli'],
      'worker/ composes activities, adapters and client/; the host and the CLI are programs of their own.',
    ),
  ),
  table(
    'report',
    rooms(
      others(['core', 'report']),
      'report/ turns plain data into a page: it imports core/ and report/ only.',
    ),
    packages(
      ['@observablehq/plot', 'linkedom'],
      'report/ draws with @observablehq/plot on linkedom, and does no I/O: read and write in the room that calls it.',
      { node: false },
    ),
  ),
  table(
    'demo',
    rooms(
      ['host', 'worker', 'workflows', 'activities'],
      'The demo does what a user can: through client/, cli/, spec/, adapters/ and embedded/.',
    ),
  ),
];

export default defineConfig(
  { ignores: ['dist/', 'node_modules/', 'schema/'] },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
    },
  },
  ...houseTable,
);
