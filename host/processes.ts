import { readdirSync, readFileSync } from 'node:fs';
import { hasCode } from './state/atomic.js';
import type { ProcessRef } from './state/model.js';

/** Environment variables that mark every process the host starts: whose it is, and which one. */
export const STATE_MARK = 'GREENLIGHT_HOST_STATE';
export const PROCESS_MARK = 'GREENLIGHT_HOST_PROCESS';

/**
 * @returns undefined when there is no such process, or only what is left of it until its parent looks.
 * @throws when the machine cannot tell now, for want of files or memory.
 */
export function lookUp(pid: number): (ProcessRef & { readonly session: number }) | undefined {
  const stat = readOf(pid, 'stat');
  if (stat === undefined) return undefined;
  // The name in parentheses may hold spaces and parentheses itself: fields count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, session, startTime] = [fields[0], fields[3], fields[19]];
  if (state === undefined || session === undefined || startTime === undefined || 'ZX'.includes(state)) {
    return undefined;
  }
  return { pid, startTime, session: Number(session) };
}

/** Codes of errors which mean that a process is gone, or is another user's and so none that the host started. */
const NOT_THERE = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'];

/**
 * One of the kernel's files on a process.
 *
 * @returns undefined when there is no such process, or it is another user's.
 * @throws every other error: that a file cannot be opened now says nothing about the process.
 */
export function readOf(pid: number, file: 'stat' | 'environ'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (NOT_THERE.some((code) => hasCode(error, code))) return undefined;
    throw error;
  }
}

export function isAlive(process: ProcessRef): boolean {
  return lookUp(process.pid)?.startTime === process.startTime;
}

/** A process of the host: its mark, and the process that leads its session. */
export interface MarkedProcess extends ProcessRef {
  readonly mark: string;
  readonly leader: boolean;
}

/** All processes of this machine that carry the mark of a state folder, children included. */
export function findMarked(stateId: string): MarkedProcess[] {
  const found: MarkedProcess[] = [];
  for (const pid of processIds()) {
    const mark = readMark(pid, stateId);
    const process = mark === undefined ? undefined : lookUp(pid);
    if (mark !== undefined && process) {
      found.push({ pid, startTime: process.startTime, mark, leader: process.session === pid });
    }
  }
  return found;
}

/**
 * All processes of some sessions, whether their leaders live or not. A server may lose the environment that it was
 * marked with (its title is written over it, or it was cleared); it is in its leader's session all the same.
 */
export function findInSessions(sessions: readonly number[]): ProcessRef[] {
  return processIds().flatMap((pid) => {
    const process = lookUp(pid);
    return process && sessions.includes(process.session) ? { pid, startTime: process.startTime } : [];
  });
}

function processIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function readMark(pid: number, stateId: string): string | undefined {
  const environment = readOf(pid, 'environ')?.split('\0') ?? [];
  if (!environment.includes(`${STATE_MARK}=${stateId}`)) return undefined;
  return environment.find((line) => line.startsWith(`${PROCESS_MARK}=`))?.slice(PROCESS_MARK.length + 1);
}

/** Sends a signal to one process, if it is still the one that is meant. */
export function signal(process_: ProcessRef, name: 'SIGTERM' | 'SIGKILL'): void {
  if (!isAlive(process_)) return;
  try {
    process.kill(process_.pid, name);
  } catch {
    // It ended in between, which is what was wanted.
  }
}

/**
 * Connections that are open to a loopback port, those that nobody has accepted yet included.
 *
 * Model servers close after every answer, so this is the number of requests in them.
 */
export function connectionsTo(port: number): number {
  const address = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  // A server that listens on `::` has its connections of IPv4 in the second list, too.
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(connectionLines).filter((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[1]?.endsWith(address) === true && fields[3] === '01';
  }).length;
}

/** @returns none where the kernel has no such list: a machine may be without IPv6. */
function connectionLines(list: string): string[] {
  try {
    return readFileSync(list, 'utf8').split('\n').slice(1);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
