import { agentKeyOf } from '../../src/certificates/order.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { createScratchRecords } from './book.ts';
import type { ChallengeBoard } from './challenge-board.ts';
import { OrderOver } from './order-end.ts';
import type { OrderRunPorts } from './order-ports.ts';
import { createOrderRun } from './order-run.ts';
import type { Issuers } from './parts.ts';
import type { TrialRun } from './trials.ts';

/**
 * A real order at an Issuer's staging directory, by the same steps as any, over records of this process alone: nothing of it is kept, and nothing
 * of what is served is touched. The hub makes the key, whoever makes it otherwise.
 */
export function createTrialRun(
  ports: Omit<OrderRunPorts, 'records' | 'open' | 'forecast' | 'claim' | 'say' | 'wanted'> & {
    readonly openStaging: Issuers['openStaging'];
    readonly board: Pick<ChallengeBoard, 'set'>;
  },
): TrialRun {
  return async (order, onStep, signal) => {
    const { cluster: _cluster, ...certificate } = order.wanted;
    const wanted = {
      ...certificate,
      id: agentKeyOf(`try-${order.wanted.id}`, ports.wallMs()),
      issuers: [order.issuer],
      reuseKey: false,
    };
    const { id } = wanted;
    const records = createScratchRecords((record) => ports.board.set(id, record));
    const run = createOrderRun({
      ...ports,
      records,
      open: ports.openStaging,
      forecast: {
        mayOrder: () => ({ ok: true }),
        ordered: () => undefined,
        resumed: () => undefined,
        ended: () => undefined,
      },
      claim: () => undefined,
      say: (_id, doing) => onStep(doing),
      wanted: () => wanted,
    });
    try {
      const end = await run.drive(id, order.issuer, signal);
      if (end.end === 'rests') throw new PortolanError('ISSUER_UNAVAILABLE', end.why);
    } catch (thrown) {
      const left = records.get(id)?.order;
      if (left !== undefined) await run.cleanUp(left, signal).catch(() => undefined);
      throw thrown instanceof OrderOver ? thrown.why : thrown;
    } finally {
      ports.board.set(id, undefined);
    }
  };
}
