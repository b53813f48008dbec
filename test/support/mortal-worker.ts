/**
 * The name server thread, and a way to kill it that no network input has: `deaths` is heard by every thread, and the one that
 * is first to be named ends as it says.
 */
import { BroadcastChannel, threadId } from 'node:worker_threads';
import '../../nameserver/worker.ts';

export interface Death {
  readonly threadId: number;
  readonly by: 'exit' | 'throw';
}

const deaths = new BroadcastChannel('deaths');
deaths.unref();
deaths.onmessage = (event: { readonly data: unknown }) => {
  const death = event.data as Death; // sent by tests only
  if (death.threadId !== threadId) return;
  if (death.by === 'exit') process.exit(3);
  setImmediate(() => {
    throw new Error('a bug in this thread');
  });
};
