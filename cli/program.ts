import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { Context } from './context.js';
import { exitCodeLines, type Exit } from './exit-codes.js';
import { DEFAULT_TARGET } from '../core/command-text.js';

/** The options of a command, global ones among them, as commander parsed them. Each command knows its own. */
export type Options = Readonly<Record<string, unknown>>;

/** What a command does. Kept in a file of its own, which is loaded when it runs and not before. */
export type CommandFunction = (ctx: Context, args: readonly string[], options: Options) => Promise<Exit>;

export interface Call {
  readonly args: readonly string[];
  readonly options: Options;
  readonly load: () => Promise<CommandFunction>;
}

/** For who must not meet another rollout than the one meant: a pipeline, above all. */
const RUN = [
  '--run <id>',
  "the rollout with this runId, as `submit --output json` prints it, and no other (default: the endpoint's newest)",
] as const;

/** Every command: its words, its options, its help. Loads nothing but commander. */
export function createProgram(version: string, run: (call: Call) => Promise<void>): Command {
  const program = new Command('greenlight')
    .description(
      'Ships a new version of a model endpoint safely: durable steps, statistical gates, a rollback that is read back.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureHelp({ showGlobalOptions: true })
    .addOption(
      new Option('--output <format>', 'text for people, or json for programs')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option(
      '--state <dir>',
      'folder that notes what `up` started (default: $GREENLIGHT_STATE, or ~/.local/state/greenlight)',
    )
    .option(
      '--target <target>',
      `where endpoints live that are named without a spec: host/WORKSPACE, azureml/SUBSCRIPTION/RESOURCE-GROUP/WORKSPACE or kubernetes/NAMESPACE (default: $GREENLIGHT_TARGET, or ${DEFAULT_TARGET}). A spec names its own.`,
    )
    .addHelpText('after', () =>
      [
        '',
        'Example:',
        '  $ greenlight up',
        '  $ greenlight submit rollout.yaml --wait',
        '',
        'Exit codes:',
        ...exitCodeLines(),
      ].join('\n'),
    );

  /** One command of one file of commands/. */
  const add = (
    parent: Command,
    usage: string,
    summary: string,
    example: string,
    load: Call['load'],
  ): Command => {
    const command = parent.command(usage).description(summary);
    command.addHelpText('after', `\nExample:\n  $ ${example}`);
    command.action(async (...given: unknown[]) => {
      // commander gives the arguments, then the options, then the command.
      const self = given.at(-1) as Command;
      await run({ args: self.processedArgs as string[], options: self.optsWithGlobals(), load });
    });
    return command;
  };

  machineCommands(program, add);
  specCommands(program, add);
  messageCommands(program, add);
  gateCommands(program, add);
  endpointCommands(program, add);
  return program;
}

type Add = (parent: Command, usage: string, summary: string, example: string, load: Call['load']) => Command;

function machineCommands(program: Command, add: Add): void {
  add(
    program,
    'up',
    'Start Temporal, the endpoint host and a worker on this machine. What runs already is left alone.',
    'greenlight up',
    async () => (await import('./commands/up.js')).up,
  );
  add(
    program,
    'down',
    'Stop what `up` started. Endpoints, rollouts and their history stay on disk.',
    'greenlight down',
    async () => (await import('./commands/down.js')).down,
  );
  add(
    program,
    'doctor [endpoint]',
    'Check everything that a rollout needs, here or of one endpoint, and say how to mend what is missing.',
    'greenlight doctor diabetes',
    async () => (await import('./commands/doctor.js')).doctor,
  );
  add(
    program,
    'codec-server',
    "Decode encrypted payloads for Temporal's UI and CLI, until it is ended. `up` runs one for its own UI.",
    'greenlight codec-server --port 8888 --origin https://temporal.example.com',
    async () => (await import('./commands/codec-server.js')).codecServer,
  )
    .option('--port <number>', 'port to listen on', wholeNumber, 8888)
    .option('--host <address>', 'address to listen on; beyond this machine it wants a token', '127.0.0.1')
    .option('--origin <url...>', 'address of a Temporal UI whose pages may ask')
    .option('--namespace <name>', 'decode for this namespace only (default: any)');
  add(
    program,
    'completion',
    'Print a script that lets your shell complete commands and options.',
    'source <(greenlight completion bash)',
    async () => (await import('./commands/completion.js')).completion,
  ).addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']));
}

function specCommands(program: Command, add: Add): void {
  add(
    program,
    'init <endpoint>',
    'Write a commented spec for an endpoint as it stands, and a deployment file to fill in.',
    'greenlight init diabetes --deployment green-deployment.yml',
    async () => (await import('./commands/init.js')).init,
  )
    .option('--file <file>', 'where to write the spec (default: ENDPOINT-rollout.yml in this folder)')
    .option('--deployment <file>', 'the deployment file of the new version, if there is one already');
  add(
    program,
    'validate <spec>',
    'Check a rollout spec and every file that it names. Touches nothing.',
    'greenlight validate rollout.yaml',
    async () => (await import('./commands/validate.js')).validate,
  );
  add(
    program,
    'plan <spec>',
    'Print what a spec means, with every default made explicit, and what its gates can do at the traffic that there is. Changes nothing.',
    'greenlight plan rollout.yaml --rps 40',
    async () => (await import('./commands/plan.js')).plan,
  ).option(
    '--rps <number>',
    'requests a second of the endpoint (default: measured for some seconds, on Azure for up to a minute)',
    aboveZero,
  );
  add(
    program,
    'submit <spec>',
    'Start a rollout. One at a time per endpoint.',
    'greenlight submit rollout.yaml --wait',
    async () => (await import('./commands/submit.js')).submit,
  )
    .option('--wait', 'tell what happens until it is over, and exit by how it ended')
    .addOption(
      new Option(
        '--queue',
        'where another rollout holds the endpoint: wait in Temporal for its end, then start',
      ).conflicts('supersede'),
    )
    .option('--supersede', 'where another rollout holds the endpoint: roll that one back first, then start')
    .option('--by <name>', 'who submits (default: the user of this machine)');
  add(
    program,
    'withdraw <endpoint>',
    'Take a rollout back that waits for an endpoint (`submit --queue`) and has not started.',
    'greenlight withdraw diabetes --reason "not needed any more"',
    async () => (await import('./commands/withdraw.js')).withdraw,
  )
    .option('--id <id>', 'which one; may be left out where only one waits')
    .option('--reason <text>', 'why; kept with the queue', '')
    .option('--by <name>', 'who acts (default: the user of this machine)');
  add(
    program,
    'list',
    'List the rollouts that run, or all that Temporal remembers.',
    'greenlight list --all',
    async () => (await import('./commands/list.js')).list,
  )
    .option('--all', 'those that are over, too')
    .option('--limit <count>', 'at most so many, newest first', wholeNumber, 50);
  add(
    program,
    'status <endpoint>',
    "Show where an endpoint's rollout stands and what can be done now, or how the last one ended.",
    'greenlight status diabetes',
    async () => (await import('./commands/status.js')).status,
  )
    .option('--wait', 'tell what happens until it is over, and exit by how it ended')
    .option(...RUN);
  add(
    program,
    'watch <endpoint>',
    "Watch an endpoint's rollout live, with keys to approve, pause and abort. Without a terminal: one line per change.",
    'greenlight watch diabetes',
    async () => (await import('./commands/status.js')).watch,
  );
}

function gateCommands(program: Command, add: Add): void {
  add(
    program,
    'report <endpoint>',
    "Write an endpoint's newest rollout as one HTML page to read, print or mail: what happened, why, and on what evidence.",
    'greenlight report diabetes --file diabetes.html',
    async () => (await import('./commands/report.js')).report,
  )
    .option('--file <file>', 'where to write it (default: rollout-ENDPOINT.html in this folder)')
    .option(...RUN);
  add(
    program,
    'evidence <endpoint>',
    "Show what the gates of an endpoint's newest rollout saw and said, window by window.",
    'greenlight evidence diabetes --output json',
    async () => (await import('./commands/evidence.js')).evidence,
  );
  add(
    program,
    'replay-gates <endpoint>',
    "Run what an endpoint's newest rollout saw through other gates, and show where they decide otherwise.",
    'greenlight replay-gates diabetes --gates stricter.yaml',
    async () => (await import('./commands/replay-gates.js')).replayGatesCommand,
  ).requiredOption('--gates <spec>', 'the spec whose gates are tried');

  const gates = program
    .command('gates')
    .description('The statistics by themselves.')
    .addHelpText('after', '\nExample:\n  $ greenlight gates eval looks.json');
  add(
    gates,
    'eval [file]',
    'Evaluate gates on given looks, {config, looks} as JSON; - is standard input. Prints JSON, one entry a look.',
    'greenlight gates eval looks.json',
    async () => (await import('./commands/gates-eval.js')).gatesEval,
  );
}

function messageCommands(program: Command, add: Add): void {
  const message = (
    name: string,
    summary: string,
    example: string,
    reason: 'optional' | 'required',
  ): Command => {
    const command = add(program, `${name} <endpoint>`, summary, example, async () => {
      const { act } = await import('./commands/act.js');
      return act(name as Parameters<typeof act>[0]);
    });
    if (reason === 'required') command.requiredOption('--reason <text>', 'why; kept with the rollout');
    else command.option('--reason <text>', 'why; kept with the rollout', '');
    return command
      .option(...RUN)
      .option('--by <name>', 'who acts (default: the user of this machine)')
      .option('--request-id <id>', 'a name for this request: sent twice, it acts once');
  };
  message(
    'approve',
    'Let a rollout go on that waits for approval, or whose gates could not decide.',
    'greenlight approve diabetes --reason "latency looks right"',
    'optional',
  );
  message(
    'reject',
    'Say no where approval is asked for: the rollout rolls back.',
    'greenlight reject diabetes --reason "wrong model file"',
    'required',
  );
  message(
    'pause',
    'Keep a rollout at its present share. Its gates go on watching: a breach still rolls back.',
    'greenlight pause diabetes --reason "incident elsewhere"',
    'required',
  );
  message('resume', 'Let a paused rollout go on.', 'greenlight resume diabetes', 'optional');
  message(
    'abort',
    'Stop a rollout, and put everything back as it was.',
    'greenlight abort diabetes --reason "found a bug"',
    'required',
  );
  message(
    'drift',
    'Settle a rollout that is held because someone else changed the endpoint: its traffic, or fewer instances.',
    'greenlight drift diabetes --restore --reason "the change was a mistake"',
    'required',
  )
    .option('--adopt', 'what stands there now is right: go on from it')
    .option('--restore', 'write again what the rollout wanted');
}

function endpointCommands(program: Command, add: Add): void {
  add(
    program,
    'revert <endpoint>',
    'Emergency: send all live traffic to one deployment, mirror off, without Temporal; and read it back.',
    'greenlight revert diabetes --to blue',
    async () => (await import('./commands/revert.js')).revert,
  )
    .option('--to <deployment>', 'who gets all live traffic; may be left out where only one can be meant')
    .option('--force', 'send it there even if it does not look able to serve')
    .option('--delete <deployment>', 'then delete this one, which gets no traffic any more');
  add(
    program,
    'logs <endpoint>',
    "Print the newest lines of a deployment's log.",
    'greenlight logs diabetes --deployment green --lines 200',
    async () => (await import('./commands/logs.js')).logs,
  )
    .requiredOption('--deployment <name>', 'whose log')
    .option('--lines <count>', 'how many lines', wholeNumber, 100);

  const endpoint = program
    .command('endpoint')
    .description('Create and look at endpoints, so that there is something to roll out to.')
    .addHelpText(
      'after',
      '\nExample:\n  $ greenlight endpoint create diabetes --deployment blue-deployment.yml',
    );
  add(
    endpoint,
    'create <name>',
    'Create an endpoint and its first deployment, and give that one all live traffic.',
    'greenlight endpoint create diabetes --deployment blue-deployment.yml',
    async () => (await import('./commands/endpoint-create.js')).endpointCreate,
  ).option('--deployment <file>', 'Azure ML deployment file of its first deployment');
  add(
    endpoint,
    'list',
    'List the endpoints of a target.',
    'greenlight endpoint list --target host/local',
    async () => (await import('./commands/endpoint-list.js')).endpointList,
  );
  add(
    endpoint,
    'show <name>',
    'Show the traffic and the deployments of an endpoint.',
    'greenlight endpoint show diabetes',
    async () => (await import('./commands/endpoint-show.js')).endpointShow,
  );
  add(
    endpoint,
    'keys <name>',
    'Print the keys that clients of an endpoint use. They are secrets.',
    'greenlight endpoint keys diabetes --output json',
    async () => (await import('./commands/endpoint-keys.js')).endpointKeys,
  );
}

function aboveZero(text: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number > 0) return number;
  throw new InvalidArgumentError('expected a number above 0.');
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('expected a whole number of at least 1.');
}
