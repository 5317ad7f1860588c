import { createElement } from 'react';
import { render } from 'ink';
import type { Located } from '../../core/command-text.js';
import type { RolloutStatus } from '../../core/messages.js';
import type { WatchBeat } from '../../core/watch.js';
import type { Terminal } from '../context.js';
import { changes, isWorthTelling, keepLook } from '../follow.js';
import { withBeat } from '../../client/live.js';
import type { Output } from '../output.js';
import { lostText, type Ended } from '../../client/find.js';
import type { ActName } from '../../client/send-action.js';
import { reportText } from '../status-view.js';
import type { Teller } from '../story.js';
import { clockTime } from '../times.js';
import { addLook, type LookHistory } from './gate-rows.js';
import { screenOf } from './screen.js';
import { View } from './view.js';

export interface LiveViewOptions {
  readonly out: Output;
  readonly terminal: Terminal;
  readonly rollout: Located;
  /** Sends an action; its answer, or why there is none, is shown. */
  readonly act: (name: ActName, reason: string) => Promise<string>;
}

/** Newest lines of the story that stay on the screen. */
const RECENT = 4;

/** Shows a rollout live. What it showed is gone when it ends; how the rollout ended then stands there as plain text. */
export function openLiveView({ out, terminal, rollout, act }: LiveViewOptions): Teller {
  const left = new AbortController();
  let status: RolloutStatus | null = null;
  let told: RolloutStatus | null = null;
  let history: LookHistory = new Map();
  let recent: readonly string[] = [];
  let open = true;

  const say = (line: string): void => {
    recent = [...recent, `${clockTime(new Date())}  ${line}`].slice(-RECENT);
    draw();
  };
  const element = () =>
    createElement(View, {
      screen: status === null ? null : screenOf(status, history, Date.now()),
      recent,
      width: terminal.stdout.columns || 80,
      height: terminal.stdout.rows || 24,
      colour: terminal.colour,
      onAct: (name, reason) => {
        say(`${name} …`);
        act(name, reason).then(say, (error: unknown) =>
          say(error instanceof Error ? error.message : String(error)),
        );
      },
      onLeave: () => left.abort(),
    });
  const app = render(element(), {
    stdin: terminal.stdin,
    stdout: terminal.stdout,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  const draw = (): void => {
    if (open) app.rerender(element());
  };
  terminal.stdout.on('resize', draw);

  const close = (): void => {
    if (!open) return;
    open = false;
    terminal.stdout.off('resize', draw);
    app.clear();
    app.unmount();
  };

  return {
    left: left.signal,
    say,
    close,
    hear(answer: RolloutStatus, beat: WatchBeat | undefined): void {
      const nowMs = Date.now();
      status = withBeat(answer, beat);
      history = addLook(history, status);
      // The gates stand on the screen: of looks, only a change of standing is worth a line of the story as well.
      const tellLook = isWorthTelling(told, status, { nowMs, lookToldAtMs: nowMs });
      const next = tellLook ? status : keepLook(status, told);
      // The first lines, and the commands, say what stands on the screen anyway.
      const news = told === null ? [] : changes(told, next).filter((line) => !line.startsWith('  $ '));
      recent = [...recent, ...news.map((line) => `${clockTime(new Date())}  ${line}`)].slice(-RECENT);
      told = next;
      draw();
    },
    end(ended: Ended): void {
      close();
      out.line(ended.kind === 'report' ? reportText(ended.report) : lostText(rollout, ended.because));
    },
  };
}
