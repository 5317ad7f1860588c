import { Box, Text, useInput } from 'ink';
import { useRef, useState, type ReactElement } from 'react';
import type { ActName } from '../../client/send-action.js';
import { bar, percentCell } from './bars.js';
import type { GateRow } from './gate-rows.js';
import type { Key, Screen, ShareBar, StepLine, Tone } from './screen.js';

export interface ViewProps {
  /** null before the first answer. */
  readonly screen: Screen | null;
  /** The newest lines of the story, with their times. */
  readonly recent: readonly string[];
  /** Columns and rows of the terminal. */
  readonly width: number;
  readonly height: number;
  readonly colour: boolean;
  readonly onAct: (name: ActName, reason: string) => void;
  readonly onLeave: () => void;
}

const COLOUR: Readonly<Record<Tone, string | undefined>> = {
  good: 'green',
  bad: 'red',
  busy: 'cyan',
  quiet: 'gray',
  plain: undefined,
};

/** So many steps are worth the gates' second and third lines. */
const FEW_STEPS = 5;

/** Wider lines are hard to follow with the eye. */
const WIDEST = 110;

/** The live view: draws a screen, and turns keys into actions. */
export function View(props: ViewProps): ReactElement {
  const { screen, recent, colour, onAct, onLeave } = props;
  const width = Math.min(props.width, WIDEST);
  const [asked, ask] = usePrompt();
  useInput((input, key) => {
    if (key.ctrl && input === 'c') return onLeave();
    const prompt = asked.current;
    if (prompt === null) {
      const pressed = screen?.keys.find((offered) => offered.key === input);
      if (pressed?.name === 'leave' || (screen === null && input === 'q')) return onLeave();
      if (pressed !== undefined) ask({ key: pressed, reason: '' });
      return;
    }
    if (key.escape) return ask(null);
    if (key.backspace || key.delete) return ask({ ...prompt, reason: prompt.reason.slice(0, -1) });
    if (key.ctrl || key.meta) return;
    // What is typed fast, or pasted, comes in one piece, with its Enter in it.
    const [typed = '', ...more] = key.return ? ['', ''] : input.split('\r');
    const reason = prompt.reason + typed;
    const name = prompt.key.name;
    if (more.length === 0 || name === 'leave' || (reason.trim() === '' && prompt.key.reason === 'required')) {
      return ask({ ...prompt, reason });
    }
    ask(null);
    onAct(name, reason.trim());
  });

  if (screen === null) return <Text>asks the rollout where it stands … (q leaves)</Text>;
  const tone = (name: Tone): { color?: string } => {
    const color = colour ? COLOUR[name] : undefined;
    return color === undefined ? {} : { color };
  };
  // A view higher than the terminal would flicker: where there is little room, a gate has one line.
  const brief =
    props.height < reserved(screen, { width, brief: false }) + Math.min(screen.steps.length, FEW_STEPS);
  return (
    <Box flexDirection="column" width={width}>
      <Box justifyContent="space-between">
        <Text bold={colour} wrap="truncate">
          {screen.title}
        </Text>
        <Text {...tone('busy')}>
          {screen.phase} · {screen.elapsed}
        </Text>
      </Box>
      <Text> </Text>
      {stepsThatFit(screen.steps, props.height - reserved(screen, { width, brief })).map((step, i) => (
        <Text key={i} wrap="truncate">
          <Text {...tone(step.tone)}>{step.mark}</Text> {step.label}
          {step.tone === 'busy' && screen.clock !== null ? (
            <Text>
              {'  '}
              {bar(screen.clock.fraction, 16)} {screen.clock.text}
            </Text>
          ) : (
            <Text {...tone('quiet')}> {step.text}</Text>
          )}
        </Text>
      ))}
      <Text> </Text>
      {screen.shares.map((share) => (
        <Share key={`${share.kind} ${share.name}`} share={share} all={screen.shares} tone={tone} />
      ))}
      {screen.gates.length === 0 ? null : <Text> </Text>}
      {screen.gates.map((gate) => (
        <Gate key={gate.name} gate={gate} all={screen.gates} tone={tone} brief={brief} />
      ))}
      <Text> </Text>
      {screen.standstill === '' ? null : <Text {...tone('bad')}>{screen.standstill}</Text>}
      <Text wrap="truncate-end">next: {screen.next}</Text>
      {recent.map((line, i) => (
        <Text key={i} wrap="truncate" {...tone('quiet')}>
          {line}
        </Text>
      ))}
      <Text> </Text>
      {asked.current === null ? (
        <Keys keys={screen.keys} colour={colour} />
      ) : (
        <Question prompt={asked.current} tone={tone} />
      )}
    </Box>
  );
}

interface Prompt {
  readonly key: Key;
  readonly reason: string;
}

/** The question that is open. Keys come faster than the view is drawn: they see the newest one, drawn or not. */
function usePrompt(): readonly [{ readonly current: Prompt | null }, (next: Prompt | null) => void] {
  const newest = useRef<Prompt | null>(null);
  const [, draw] = useState<Prompt | null>(null);
  const ask = (next: Prompt | null): void => {
    newest.current = next;
    draw(next);
  };
  return [newest, ask];
}

interface Drawn {
  readonly tone: (name: Tone) => { color?: string };
}

function Keys({ keys, colour }: { readonly keys: readonly Key[]; readonly colour: boolean }): ReactElement {
  return (
    <Text wrap="truncate">
      {keys.map(({ key, name, text }) => (
        <Text key={name}>
          <Text bold={colour}>[{key}]</Text> {text}
          {'  '}
        </Text>
      ))}
    </Text>
  );
}

function Question({ prompt, tone }: Drawn & { readonly prompt: Prompt }): ReactElement {
  const { key, reason } = prompt;
  return (
    <Text>
      {key.text}: why{key.reason === 'optional' ? ' (may be left empty)' : ''}? {reason}▏
      <Text {...tone('quiet')}> Enter does it, Esc does not</Text>
    </Text>
  );
}

function Share({
  share,
  all,
  tone,
}: Drawn & { readonly share: ShareBar; readonly all: readonly ShareBar[] }): ReactElement {
  const names = Math.max(...all.map(({ name }) => name.length));
  return (
    <Text wrap="truncate">
      {share.kind.padEnd(6)} {share.name.padEnd(names)}{' '}
      <Text {...tone(share.isGreen ? 'good' : 'busy')}>{bar(share.percent / 100, 40)}</Text>
      {percentCell(share.percent / 100)}
    </Text>
  );
}

function Gate({
  gate,
  all,
  tone,
  brief,
}: Drawn & {
  readonly gate: GateRow;
  readonly all: readonly GateRow[];
  /** One line: how far it is, instead of limits and bounds. */
  readonly brief: boolean;
}): ReactElement {
  const names = Math.max(...all.map(({ name }) => name.length));
  const margin = ' '.repeat(names + 1);
  if (brief) {
    return (
      <Text wrap="truncate">
        {gate.name.padEnd(names)} <Text {...tone(gate.tone)}>{gate.standing.padEnd(10)}</Text>{' '}
        {gate.towardPass === null ? '' : `proven${percentCell(gate.towardPass)}  `}rollback
        {percentCell(gate.towardBreach)}
        {'  '}
        <Text {...tone('quiet')}>{gate.spark}</Text> {gate.counts}
      </Text>
    );
  }
  return (
    <Box flexDirection="column">
      <Text wrap="truncate">
        {gate.name.padEnd(names)} <Text {...tone(gate.tone)}>{gate.standing.padEnd(10)}</Text> {gate.counts}
      </Text>
      <Text wrap="truncate">
        {margin}
        {gate.limit}
        {gate.bounds === '' ? '' : `; surely ${gate.bounds}`}
      </Text>
      <Text wrap="truncate">
        {margin}
        {gate.towardPass === null ? null : (
          <Text>
            proven <Text {...tone('good')}>{bar(gate.towardPass, 10)}</Text>
            {percentCell(gate.towardPass)}
            {'  '}
          </Text>
        )}
        rollback <Text {...tone('bad')}>{bar(gate.towardBreach, 10)}</Text>
        {percentCell(gate.towardBreach)}
        {'  '}
        <Text {...tone('quiet')}>{gate.spark}</Text>
      </Text>
    </Box>
  );
}

/** Lines of everything but the steps. */
function reserved(
  { gates, shares, standstill }: Screen,
  { width, brief }: { readonly width: number; readonly brief: boolean },
): number {
  const stands = standstill.split('\n').reduce((lines, line) => lines + linesOf(line, width), 0);
  return 11 + (brief ? 1 : 3) * gates.length + shares.length + stands;
}

/** Lines that a text takes at the most: it is broken between words. */
function linesOf(text: string, width: number): number {
  return text.length <= width ? 1 : Math.ceil(text.length / (0.8 * width));
}

/** All steps where there is room; else those around the one under way, and how many stand before and after. */
function stepsThatFit(steps: readonly StepLine[], room: number): readonly StepLine[] {
  if (steps.length <= room) return steps;
  const shown = Math.max(3, room - 2);
  const busy = steps.findIndex(({ tone }) => tone === 'busy' || tone === 'bad');
  const from = Math.max(0, Math.min(steps.length - shown, (busy === -1 ? steps.length : busy) - 1));
  const more = (count: number, where: string): readonly StepLine[] =>
    count > 0 ? [{ mark: '…', tone: 'quiet', label: `${count} ${where}`, text: '' }] : [];
  return [
    ...more(from, 'done before'),
    ...steps.slice(from, from + shown),
    ...more(steps.length - from - shown, 'to come'),
  ];
}
