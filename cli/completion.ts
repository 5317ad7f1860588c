import type { Command } from 'commander';

export type Shell = 'bash' | 'zsh' | 'fish';

/** A command that runs something, with the words after which it stands. */
interface Entry {
  /** `endpoint create`. */
  readonly path: string;
  readonly summary: string;
  /** What may come next: its commands, or its options. */
  readonly next: readonly string[];
}

/** A script for a shell to evaluate: commands and options of `program` complete, everything else as file names. */
export function completionScript(program: Command, shell: Shell): string {
  switch (shell) {
    case 'bash':
      return bashScript(program);
    case 'zsh':
      // zsh runs bash's completions, where it is asked to.
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(program)}`;
    case 'fish':
      return fishScript(program);
    default:
      return shell satisfies never;
  }
}

function bashScript(program: Command): string {
  const entries = entriesOf(program);
  const cases = entries.map(({ path, next }) => `    '${path}') words='${next.join(' ')}' ;;`);
  return `# greenlight completion: source this, or add to your profile: source <(greenlight completion bash)
_greenlight() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path/$word" in
${entries
  .filter(({ path }) => path !== '')
  .map(
    ({ path }) =>
      `      '${path.split(' ').slice(0, -1).join(' ')}/${path.split(' ').at(-1) ?? ''}') path='${path}' ;;`,
  )
  .join('\n')}
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _greenlight greenlight
`;
}

function fishScript(program: Command): string {
  const lines = entriesOf(program).flatMap(({ path, summary, next }) => {
    const words = path.split(' ');
    if (path === '') return [];
    const parent = words.slice(0, -1);
    const when =
      parent.length === 0 ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${parent.join(' ')}`;
    return [
      `complete -c greenlight -n '${when}' -a '${words.at(-1) ?? ''}' -d '${summary.replaceAll("'", "\\'")}'`,
      ...next
        .filter((word) => word.startsWith('--'))
        .map(
          (word) =>
            `complete -c greenlight -n '__fish_seen_subcommand_from ${words.at(-1) ?? ''}' -l ${word.slice(2)}`,
        ),
    ];
  });
  return `# greenlight completion: greenlight completion fish | source\n${lines.join('\n')}\n`;
}

function entriesOf(program: Command): readonly Entry[] {
  const global = optionsOf(program);
  const walk = (command: Command, path: readonly string[]): readonly Entry[] => {
    const commands = command.commands.map((child) => child.name());
    const own = command === program ? global : [...optionsOf(command), ...global];
    return [
      { path: path.join(' '), summary: command.description(), next: [...commands, ...own, '--help'] },
      ...command.commands.flatMap((child) => walk(child, [...path, child.name()])),
    ];
  };
  return walk(program, []);
}

function optionsOf(command: Command): readonly string[] {
  return command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []));
}
