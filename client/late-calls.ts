import {
  type ConnectionOptions,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';
import { GRPC } from './errors.js';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type Call = ReturnType<Parameters<Interceptor>[1]>;

/**
 * As the SDK's own: a failed call is made again, a moment later. But one whose moment comes when the connection is closed
 * fails, where the SDK throws out of a timer and ends the process.
 */
export const RETRIES: readonly Interceptor[] = [
  makeGrpcRetryInterceptor(defaultGrpcRetryOptions()),
  (options, nextCall) => {
    try {
      return nextCall(options) as ReturnType<Interceptor>;
    } catch (error) {
      return failing(String(error)) as ReturnType<Interceptor>;
    }
  },
];

/** Answers as a call of gRPC does that was cancelled before it began. */
function failing(details: string): Call {
  const nothing = (): void => undefined;
  const call: Partial<Call> = {
    start(metadata, listener) {
      queueMicrotask(() => {
        listener?.onReceiveMessage?.(null);
        listener?.onReceiveStatus?.({ code: GRPC.cancelled, details, metadata });
      });
    },
    sendMessage: nothing,
    sendMessageWithContext: nothing,
    halfClose: nothing,
    startRead: nothing,
    cancelWithStatus: nothing,
    getPeer: () => 'nobody',
    getAuthContext: () => null,
  };
  return call as Call;
}
