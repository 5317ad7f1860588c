import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PortError } from '../../adapters/ports.js';
import { CliError, explainError } from '../../cli/errors.js';
import { EXIT_CODES } from '../../cli/exit-codes.js';
import { configuredTemporal } from '../../embedded/connection.js';
import { EmbeddedError } from '../../embedded/errors.js';
import { temporaryFolder } from './cli.js';

/** As Temporal's client throws it: the server's word is in the cause. */
function serviceError(code: number, details: string): Error {
  const cause = Object.assign(new Error(`${code} ${details}`), { code, details });
  return Object.assign(new Error('Failed to describe workflow', { cause }), { name: 'ServiceError' });
}

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe('explainError', () => {
  it.each([
    ['a message of ours', new CliError('refused', 'not now'), 'refused', 'not now'],
    [
      'what a target does not have',
      new PortError('endpoint x was not found', { kind: 'permanent', code: 'ResourceNotFound' }),
      'not-found',
      'endpoint x was not found',
    ],
    [
      'what a target refuses',
      new PortError('no quota', { kind: 'permanent', code: 'OutOfQuota' }),
      'refused',
      'no quota',
    ],
    [
      'a target that is away',
      new PortError('There is no endpoint host', { kind: 'transient', code: 'HostNotRunning' }),
      'unreachable',
      'There is no endpoint host',
    ],
    [
      'a part that does not start',
      new EmbeddedError('There is no Python'),
      'unexpected',
      'There is no Python',
    ],
    [
      'Temporal going away in the middle',
      serviceError(14, 'No connection established'),
      'unreachable',
      'Temporal stopped answering: No connection established\nRun `greenlight doctor` to see what is up.',
    ],
    [
      'an error of gRPC that nothing wraps',
      Object.assign(new Error('14 UNAVAILABLE: No connection'), { code: 14, details: 'No connection' }),
      'unreachable',
      'Temporal stopped answering: No connection\nRun `greenlight doctor` to see what is up.',
    ],
    [
      'a key that Temporal does not take',
      serviceError(16, 'Request unauthorized'),
      'unreachable',
      'Temporal does not let this client in: Request unauthorized\nCheck TEMPORAL_API_KEY or the TLS settings, and the namespace.',
    ],
    [
      'any other refusal of Temporal',
      serviceError(3, 'WorkflowId is too long'),
      'unexpected',
      'Temporal said no: WorkflowId is too long',
    ],
    [
      'a namespace that is not there',
      Object.assign(new Error('x'), { name: 'NamespaceNotFoundError', namespace: 'prod' }),
      'unreachable',
      'Temporal has no namespace "prod". Set TEMPORAL_NAMESPACE to one that it has, or create it.',
    ],
    [
      'a file that cannot be used',
      Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES', path: '/x' }),
      'unexpected',
      '/x cannot be used: EACCES: permission denied',
    ],
    [
      'a port that is taken',
      Object.assign(new Error('listen EADDRINUSE: address already in use 127.0.0.1:8888'), {
        code: 'EADDRINUSE',
        syscall: 'listen',
        address: '127.0.0.1',
        port: 8888,
      }),
      'unexpected',
      'Nothing can listen on 127.0.0.1:8888: another program listens there (EADDRINUSE). Choose another with --port.',
    ],
  ])('says %s plainly, without a stack', (_what, error, exit, text) => {
    expect(explainError(error, false)).toEqual({ exit, text });
  });

  it('says of a fault of ours how to see where, and shows the stack only then', () => {
    const fault = new TypeError('x is undefined', { cause: new Error('deeper') });

    expect(explainError(fault, false).text).toBe(
      'x is undefined\nThis looks like a fault of greenlight. Set GREENLIGHT_DEBUG=1 and run it again to see where.',
    );
    expect(explainError(Object.assign(new Error('it ended'), { code: 14 }), false).text).toMatch(
      /a fault of/,
    );
    expect(explainError(fault, true).text).toMatch(
      /^x is undefined\nTypeError: x is undefined\n {4}at .*Caused by: Error: deeper/s,
    );
  });

  it("says where a slip in Temporal's configuration file is, and shows no line of it: one of them is a key", async () => {
    const file = join(await temporaryFolder(), 'temporal.toml');
    await writeFile(
      file,
      '[profile.default]\naddress = "temporal:7233"\napi_key = "hunter2\nnamespace = "prod"\n',
    );

    const slip = thrownBy(() => configuredTemporal({ TEMPORAL_CONFIG_FILE: file }));

    expect(explainError(slip, false).text).toMatch(
      /configuration cannot be used: .* \(line 3, column \d+\)\n/,
    );
    expect(explainError(slip, false).text).not.toContain('hunter2');
    expect(explainError(slip, true).text).not.toContain('hunter2');
  });
});

describe('exit codes', () => {
  it('are different numbers, so that a script can tell every end from the others', () => {
    const codes = Object.values(EXIT_CODES).map(({ code }) => code);

    expect(new Set(codes).size).toBe(codes.length);
  });

  it('never change: scripts know them', () => {
    expect(Object.fromEntries(Object.entries(EXIT_CODES).map(([name, { code }]) => [name, code]))).toEqual({
      ok: 0,
      unexpected: 1,
      usage: 2,
      rejected: 3,
      'rolled-back': 4,
      aborted: 5,
      'rollback-incomplete': 6,
      'already-running': 7,
      unreachable: 8,
      'no-worker': 9,
      'not-found': 10,
      refused: 11,
      'not-ready': 12,
      interrupted: 130,
    });
  });
});
