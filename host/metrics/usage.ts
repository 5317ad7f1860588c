import { totalmem } from 'node:os';
import { findMarked, readOf } from '../processes.js';

/** What the processes of one deployment have used. */
export interface Usage {
  /** Processor time since they began, seconds. */
  readonly cpuSeconds: number;
  /** Share of the machine's memory, percent. */
  readonly memoryPercent: number;
}

/** Kernel ticks of processor time in a second, and bytes in a page, as Linux has them everywhere that Node runs. */
const TICKS = 100;
const PAGE_BYTES = 4096;

/** By the start of their marks, `workspace~endpoint~deployment`. */
export function usageByDeployment(stateId: string): ReadonlyMap<string, Usage> {
  const usage = new Map<string, Usage>();
  for (const { pid, mark } of findMarked(stateId)) {
    const deployment = mark.slice(0, mark.lastIndexOf('~'));
    if (deployment === '') continue;
    const used = readUsage(pid);
    const before = usage.get(deployment) ?? { cpuSeconds: 0, memoryPercent: 0 };
    usage.set(deployment, {
      cpuSeconds: before.cpuSeconds + used.cpuSeconds,
      memoryPercent: before.memoryPercent + used.memoryPercent,
    });
  }
  return usage;
}

function readUsage(pid: number): Usage {
  const stat = readOf(pid, 'stat');
  if (stat === undefined) return { cpuSeconds: 0, memoryPercent: 0 }; // it ended in between
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const bytes = Number(fields[21]) * PAGE_BYTES;
  return { cpuSeconds: ticks / TICKS, memoryPercent: (bytes / totalmem()) * 100 };
}
