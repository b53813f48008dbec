/**
 * The gateway thread, and a way to kill it that no network input has: `gateway-deaths` is heard by every thread, and the one that is
 * named ends.
 */
import { BroadcastChannel, threadId } from 'node:worker_threads';
import '../../gateway/worker.ts';

const deaths = new BroadcastChannel('gateway-deaths');
deaths.unref();
deaths.onmessage = (event: { readonly data: unknown }) => {
  if (event.data === threadId) process.exit(3);
};
