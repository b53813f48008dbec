import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type GatewayPart, NO_GATEWAY_SECRETS } from '../src/policy/model.ts';
import { PieceBook } from '../src/policy/piece-book.ts';
import { piecesOf } from '../src/policy/piece-bytes.ts';
import {
  HOSTS_ASKED,
  PATHS_ASKED,
  partHistories,
  partOfChoices,
} from '../src/policy/testing/changing-parts.ts';
import type { PreparedQuota } from './quota/limits.ts';
import { makeServing, type Serving } from './serving.ts';
import { EDGE } from './testing/gateway-fixture.ts';
import { NO_UPSTREAMS } from './upstream/no-upstreams.ts';

const edgeOf = (choice: number) => ({ ...EDGE, responseHeaders: { 'x-edge': String(choice) } });
const fields: readonly string[] = [];

/** Everything that a request could meet. */
function behaviourOf(serving: Serving): unknown {
  const found = [...serving.ports.values()].flatMap(({ listeners, edge }) =>
    HOSTS_ASKED.flatMap((host) =>
      PATHS_ASKED.map((path) => {
        const listener = listeners.find(host);
        const route = listener?.hosts.find(host)?.routes.find({ method: 'GET', path, query: '', fields });
        return [edge.edge, listener?.listener.id, route?.match, route?.target.rule, route?.target.auth];
      }),
    ),
  );
  const { identityNames, proxyNames, problems } = serving;
  return { found, identityNames, proxyNames, problems };
}

function quotasOf(part: GatewayPart): ReadonlyMap<string, PreparedQuota> {
  return new Map(
    Object.entries(part.quota?.policies ?? {}).map(([id, compiled]) => [
      id,
      { compiled, limits: [], readsBodies: false },
    ]),
  );
}

it('a configuration that took over what it could of the one before serves as one that is made anew, and the one before serves as it did', () => {
  let taken = 0;
  let made = 0;
  fc.assert(
    fc.property(partHistories, (history) => {
      const book = new PieceBook();
      let last: { readonly serving: Serving; readonly behaviour: unknown } | undefined;
      for (const chosen of history) {
        const { frame, pieces } = piecesOf(partOfChoices(chosen, edgeOf), 2 ** chosen.pieces);
        const part = book.take(frame, (sha256) => pieces.get(sha256));
        const quotas = quotasOf(part);
        const serving = makeServing(part, NO_GATEWAY_SECRETS, () => NO_UPSTREAMS, quotas, last?.serving);
        const anew = makeServing(part, NO_GATEWAY_SECRETS, () => NO_UPSTREAMS, quotas);
        expect(behaviourOf(serving)).toEqual(behaviourOf(anew));
        if (last !== undefined) {
          expect(behaviourOf(last.serving)).toEqual(last.behaviour);
          for (const [id, rule] of serving.made.rules) {
            if (last.serving.made.rules.get(id) === rule) taken += 1;
            else made += 1;
          }
        }
        last = { serving, behaviour: behaviourOf(serving) };
      }
    }),
    { numRuns: 30 },
  );
  expect(taken).toBeGreaterThan(100);
  expect(made).toBeGreaterThan(20);
});
