import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { QUERY_LOG_DROPPED, queryLogBatches } from './query-log-batches.ts';
import { createNameServer } from './server.ts';
import { StatesReplica } from './state-replica.ts';
import { Statistics } from './statistics.ts';
import { type AttachedTable, TableAttacher } from './table-image.ts';
import type { FromThread, TableMessage, ThreadStart, ToThread } from './thread-messages.ts';

/* Entry of a name server thread: answers on the shared port from the table and the states that it is told. */

async function run(port: MessagePort, start: ThreadStart): Promise<void> {
  const post = (message: FromThread): void => port.postMessage(message);
  const monotonicMs = (): number => performance.now();
  const states = new StatesReplica(monotonicMs);
  states.apply(start.states);
  const attacher = new TableAttacher({ view: () => states.view, random: Math.random });
  let served: AttachedTable | undefined;
  const serve = ({ version, image }: TableMessage): void => {
    try {
      served = image === undefined ? undefined : attacher.attach(image);
      post({ type: 'tableServed', version });
    } catch (thrown) {
      post({ type: 'tableFailed', version, message: messageOf(thrown) });
    }
  };
  serve(start.table);

  const statistics = new Statistics((news) => post({ type: 'counters', news }));
  const logged = queryLogBatches(
    (octets, records) =>
      port.postMessage({ type: 'queryLog', octets, records } satisfies FromThread, [octets.buffer]),
    statistics.counters.counter(QUERY_LOG_DROPPED),
  );
  const server = createNameServer({
    listen: start.listen,
    settings: start.settings,
    protection: start.protection,
    reusePort: true,
    table: () => served?.table,
    transfers: () => served?.transfers,
    statistics,
    writeQueryLog: (record) => logged.push(record),
    log: {
      warn: ({ err }, message) =>
        post({ type: 'warning', message, details: err === undefined ? '' : detailsOf(err) }),
    },
  });

  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'table':
        serve(message);
        return;
      case 'states':
        states.apply(message.update);
        post({ type: 'statesHeld' });
        return;
      case 'queryLogTaken':
        logged.taken();
        return;
      case 'close':
        void server.close().then(() => {
          logged.flush();
          port.close(); // with nothing else to do, the thread ends
        });
        return;
    }
  });

  await server.start();
  post({ type: 'listening' });
}

function detailsOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

if (parentPort !== null) {
  const port = parentPort;
  // Made by `createNameServerPool` of the same release.
  run(port, workerData as ThreadStart).catch((thrown: unknown) => {
    const { code, message, fix } = PortolanError.from(thrown);
    port.postMessage({ type: 'failed', error: { code, message, fix } } satisfies FromThread);
    port.close();
  });
}
