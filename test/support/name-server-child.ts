/**
 * A name server of ours as a process of its own: `node name-server-child.ts ZONES.json [SETTINGS]`, a list of zones without routed
 * names (those with `signed` get keys made on the spot), and `dns:` settings as JSON. Says `{"port":…}` on its standard output when it answers, and `{"rss":…}` for each line on its standard input.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { createNameServer } from '../../nameserver/server.ts';
import { nameServerSettings } from '../../nameserver/settings.ts';
import { ZoneSigners } from '../../nameserver/zone-signers.ts';
import { makeZoneKeys, materialOf } from '../../src/dns/dnssec/testing/signing-material.ts';
import { parseName } from '../../src/dns/name.ts';
import { AnswerTable } from '../../src/dns/table.ts';
import { compileZoneOrThrow } from '../../src/dns/zone.ts';

const name = z.string().transform(parseName);
const zones = z.array(
  z.object({
    origin: name,
    serial: z.number(),
    nameServers: z.array(z.object({ name, addresses: z.array(z.string()) })),
    soa: z.object({
      refreshSeconds: z.number(),
      retrySeconds: z.number(),
      expireSeconds: z.number(),
      minimumSeconds: z.number(),
    }),
    ttlSeconds: z.number(),
    signed: z.boolean().optional(),
    records: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        ttlSeconds: z.number().optional(),
        data: z.array(z.string()),
      }),
    ),
  }),
);

const sources = zones.parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
const wallMs = (): number => Date.now();
const signers = new ZoneSigners({ wallMs, signaturesPerSecond: 1_000_000 });
const table = new AnswerTable(
  sources.map(({ signed = false, ...source }) => {
    const zone = compileZoneOrThrow({ ...source, routed: [] });
    if (!signed) return zone;
    const made = materialOf(zone.origin, makeZoneKeys(), Math.floor(wallMs() / 1000));
    const { dnskey, signers: keys, signatureValiditySeconds } = made; // nothing is said to the parent
    return {
      ...zone,
      signer: signers.signerFor(zone.origin, { dnskey, signers: keys, signatureValiditySeconds }),
    };
  }),
);
const server = createNameServer({
  listen: [{ host: '127.0.0.1', port: 0 }],
  table: () => table,
  settings: nameServerSettings.parse(JSON.parse(process.argv[3] ?? '{}')),
  tcp: { connectionsPerSource: 1000 },
});
const [bound] = await server.start();
process.stdout.write(`${JSON.stringify({ port: bound?.port })}\n`);
const lines = createInterface({ input: process.stdin });
lines.on('line', () => {
  process.stdout.write(`${JSON.stringify({ rss: process.memoryUsage().rss })}\n`);
});
lines.on('close', () => process.exit(0));
