import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ParsedInput } from '../../src/resources/validate.ts';
import { startTestEngine, type TestEngine } from './engine-fixture.ts';
import { createJudge, type Judge } from './judge.ts';
import { CONTEXT, create, document, remove } from './testing.ts';

let at: TestEngine;
let judge: Judge;
const secret = randomBytes(24).toString('base64');
const key = (values: object): ParsedInput =>
  document('Secret', 'transfer', {
    stringData: { name: 'transfer.example.', algorithm: 'hmac-sha256', secret, ...values },
  });
const zone = document('Zone', 'example', {
  origin: 'example.com',
  nameServers: [{ name: 'ns1.example.net' }],
  transfers: { allow: [{ tsigSecret: 'transfer' }] },
});

beforeEach(async () => {
  at = await startTestEngine();
  judge = await createJudge({ store: at.store, engine: at.engine, context: CONTEXT, wallMs: at.wallMs });
});
afterEach(() => at.close());

const codes = async (...changes: Parameters<Judge['judge']>[0]): Promise<readonly string[]> => {
  const { outcome } = await at.settle(judge.judge(changes, { force: false, dryRun: true }));
  return outcome.violations.map((v) => `${v.path} ${v.code}`);
};

describe('the TSIG key that a zone names', () => {
  it('has to be there, whole, and may come in the same apply', async () => {
    expect(await codes(create(zone))).toEqual(['spec.transfers REFERENCE_NOT_FOUND']);
    expect(await codes(create(key({ secret: 'x' })), create(zone))).toEqual([
      'spec.stringData TSIG_KEY_INVALID',
      'spec.transfers TSIG_KEY_INVALID',
    ]);
    expect(await codes(create(key({})), create(zone))).toEqual([]);
  });

  it('is not taken away from a zone that uses it', async () => {
    await at.caughtUp(await at.put(key({}), zone));
    expect(await codes(remove(key({})))).toEqual(['metadata.name IN_USE']);
  });

  it('I33 reaches name servers and nothing that is published or stored in clear', async () => {
    await at.caughtUp(await at.put(key({}), zone));
    expect(at.engine.dns.tsigKeys).toEqual({
      'default/transfer': { name: 'transfer.example.', algorithm: 'hmac-sha256', secret },
    });
    const { content, sequence } = at.engine.published ?? { content: undefined, sequence: 0 };
    expect(JSON.stringify(content)).toContain('"tsigSecret":"transfer"');
    expect(JSON.stringify(content)).not.toContain(secret);
    const next = randomBytes(24).toString('base64');
    await at.caughtUp(await at.put(key({ secret: next })));
    expect(at.engine.dns.tsigKeys['default/transfer']?.secret).toBe(next);
    // Who may copy a zone is no change of the zone.
    expect(at.engine.published?.sequence).toBe(sequence);
  });
});
