import { randomUUID } from 'node:crypto';
import { conflict } from '../arm/errors.js';
import type { HostContext } from '../context.js';
import type { ArmErrorBody, OperationKind, OperationRecord } from '../state/model.js';
import { endpointKey } from '../state/store.js';
import { messageOf } from '../wait.js';
import { OperationFailed, workOf } from './work.js';

/** Finished operations that are kept for clients which still ask. */
const KEPT = 500;

/**
 * Long-running operations: begun by a call, worked on in the background, and taken up again by the next host when this
 * one dies. Their work is written so that doing it twice is the same as doing it once.
 */
export class Operations {
  readonly #context: HostContext;
  readonly #reserved = new Set<string>();
  #closing = false;

  constructor(context: HostContext) {
    this.#context = context;
  }

  find(id: string): OperationRecord | undefined {
    const { operations } = this.#context.store.state;
    return Object.hasOwn(operations, id) ? operations[id] : undefined;
  }

  /** @throws {ArmError} 409 while an operation runs on the endpoint or one of its deployments. */
  checkFree(workspace: string, endpoint: string): void {
    if (this.#reserved.has(endpointKey(workspace, endpoint))) {
      throw conflict(`Endpoint ${endpoint} is busy: another call is being taken; try again in a moment.`);
    }
    const running = this.#running(workspace, endpoint);
    if (!running) return;
    const what =
      running.deployment === undefined ? `endpoint ${endpoint}` : `deployment ${running.deployment}`;
    throw conflict(
      `Endpoint ${endpoint} is busy: operation ${running.id} (${running.kind} of ${what}) runs since ${running.startTime}; try again when it has ended.`,
    );
  }

  isBusy(workspace: string, endpoint: string): boolean {
    return (
      this.#reserved.has(endpointKey(workspace, endpoint)) || this.#running(workspace, endpoint) !== undefined
    );
  }

  #running(workspace: string, endpoint: string): OperationRecord | undefined {
    return Object.values(this.#context.store.state.operations).find(
      (operation) =>
        operation.status === 'InProgress' &&
        operation.workspace === workspace &&
        operation.endpoint === endpoint,
    );
  }

  /** Keeps others off an endpoint while a call that takes a while prepares its operation. @returns lets them in again. */
  reserve(workspace: string, endpoint: string): () => void {
    this.checkFree(workspace, endpoint);
    const key = endpointKey(workspace, endpoint);
    this.#reserved.add(key);
    return () => {
      this.#reserved.delete(key);
    };
  }

  /** Writes the operation down together with the change it belongs to, and begins to work on it. */
  async begin(what: {
    readonly kind: OperationKind;
    readonly workspace: string;
    readonly endpoint: string;
    readonly deployment?: string;
    readonly resourceId: string;
  }): Promise<OperationRecord> {
    // The prefixes are Azure's: online endpoint, online deployment.
    const prefix = what.deployment === undefined ? 'oeidp' : 'odidp';
    const operation: OperationRecord = {
      id: `${prefix}:${randomUUID()}:${randomUUID()}`,
      ...what,
      startTime: new Date().toISOString(),
      status: 'InProgress',
    };
    this.#context.store.state.operations[operation.id] = operation;
    this.#forgetOld();
    try {
      await this.#context.store.save();
    } finally {
      // Also when the disk did not take it: the change is made in memory, and an operation that nobody works on would
      // keep everyone off the endpoint. The caller hears of the error, and a second try finds the endpoint free.
      void this.#work(operation);
    }
    return operation;
  }

  /** Takes up what an earlier host did not finish. */
  resume(): void {
    for (const operation of Object.values(this.#context.store.state.operations)) {
      if (operation.status !== 'InProgress') continue;
      this.#context.log.info(
        { operation: operation.id, kind: operation.kind },
        'Taking up an operation again',
      );
      void this.#work(operation);
    }
  }

  /** Operations under way stay so: the next host takes them up. */
  close(): void {
    this.#closing = true;
  }

  async #work(operation: OperationRecord): Promise<void> {
    const { log, store } = this.#context;
    const facts = {
      operation: operation.id,
      kind: operation.kind,
      endpoint: operation.endpoint,
      deployment: operation.deployment,
    };
    let error: ArmErrorBody | undefined;
    try {
      await workOf(operation, this.#context);
    } catch (thrown) {
      error =
        thrown instanceof OperationFailed
          ? { code: thrown.code, message: thrown.message }
          : { code: 'InternalServerError', message: messageOf(thrown) };
      if (!(thrown instanceof OperationFailed)) log.error({ ...facts, err: thrown }, 'Operation broke');
    }
    if (this.#closing) return; // the next host does it again, which is the same as once
    if (error) this.#markFailed(operation, error);
    operation.status = error ? 'Failed' : 'Succeeded';
    operation.endTime = new Date().toISOString();
    if (error) operation.error = error;
    this.#context.metrics.operationEnded(operation);
    log.info({ ...facts, status: operation.status, error: error?.message.split('\n')[0] }, 'Operation ended');
    await store.save().catch((thrown: unknown) => {
      log.error({ ...facts, err: thrown }, 'State could not be written');
    });
  }

  #markFailed(operation: OperationRecord, error: ArmErrorBody): void {
    const { store } = this.#context;
    const record =
      operation.deployment === undefined
        ? store.endpoint(operation.workspace, operation.endpoint)
        : store.deployment(operation.workspace, operation.endpoint, operation.deployment);
    if (!record) return;
    record.state = 'Failed';
    record.error = error;
  }

  #forgetOld(): void {
    const { operations } = this.#context.store.state;
    const ended = Object.values(operations)
      .filter((operation) => operation.endTime !== undefined)
      .sort((a, b) => (a.endTime! < b.endTime! ? -1 : 1));
    for (const operation of ended.slice(0, Math.max(0, ended.length - KEPT))) delete operations[operation.id];
  }
}
