import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { messageOf } from '../src/errors/error.ts';
import { createCa, openCa } from '../src/identity/ca.ts';
import { CAA_IDENTITY } from './world.ts';

/*
 * A certificate authority that speaks ACME on loopback: pebble, as a child that ends with this process. Whoever started this process holds
 * the other end of its standard input.
 */

const [program = 'pebble', folder = '.', port = '14000', managementPort = '15000', dnsServer = ''] =
  process.argv.slice(2);
const HOST = '127.0.0.1';
const START_MS = 15_000;
const LOOK_EVERY_MS = 50;
/** Of its own certificate, which lives 30 days. */
const KEPT_MS = 20 * 86_400_000;
/** Short ones, as CAs give them by and by. */
const LIFE_SECONDS = 6 * 86_400;

mkdirSync(folder, { recursive: true, mode: 0o700 });
const files = {
  config: join(folder, 'pebble.json'),
  certificate: join(folder, 'tls.crt'),
  key: join(folder, 'tls.key'),
  authority: join(folder, 'tls-ca.crt'),
};
try {
  await main();
} catch (thrown) {
  process.stderr.write(`pebble: ${messageOf(thrown)}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  if (!isFresh()) await makeTls();
  const authority = readFileSync(files.authority, 'utf8');
  writeFileSync(
    files.config,
    JSON.stringify({
      pebble: {
        listenAddress: `${HOST}:${port}`,
        managementListenAddress: `${HOST}:${managementPort}`,
        certificate: files.certificate,
        privateKey: files.key,
        httpPort: 80,
        tlsPort: 443,
        keyAlgorithm: 'ecdsa',
        externalAccountBindingRequired: false,
        caaIdentities: [CAA_IDENTITY],
        certificateValidityPeriod: LIFE_SECONDS,
        retryAfter: { authz: 1, order: 1 },
        profiles: { default: { description: 'lives 6 days', validityPeriod: LIFE_SECONDS } },
      },
    }),
  );
  const pebble = spawn(program, ['-config', files.config, '-dnsserver', dnsServer], {
    // It takes every 20th nonce for a wrong one, as it does by default: clients must cope.
    env: { ...process.env, PEBBLE_VA_NOSLEEP: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const stop = (): void => {
    pebble.kill('SIGTERM');
  };
  process.stdin.resume().on('end', stop);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  pebble.on('error', (error) => {
    process.stderr.write(`pebble: ${error.message}\n`);
    process.exit(1);
  });
  pebble.on('exit', (code) => process.exit(code ?? 0));
  const deadline = performance.now() + START_MS;
  for (;;) {
    const root = await ask(Number(managementPort), '/roots/0', authority);
    const directory = await ask(Number(port), '/dir', authority);
    if (root !== undefined && directory !== undefined) {
      const ready = { directory: `https://${HOST}:${port}/dir`, authority, root };
      process.stdout.write(`${JSON.stringify(ready)}\n`);
      return;
    }
    if (performance.now() > deadline) {
      stop();
      throw new Error('does not answer');
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function isFresh(): boolean {
  try {
    return Object.values(files).every((file) => Date.now() - statSync(file).mtimeMs < KEPT_MS);
  } catch {
    return false;
  }
}

/** What its clients know it by: of its own, for this folder. */
async function makeTls(): Promise<void> {
  const made = await createCa({
    hubUid: 'demo',
    commonName: 'TLS of the demo CA',
    nowMs: Date.now(),
    randomBytes,
  });
  const ca = await openCa(made, randomBytes);
  const own = await ca.issueServer({ dnsNames: ['localhost'], addresses: [HOST], nowMs: Date.now() });
  writeFileSync(files.authority, made.certificatePem);
  writeFileSync(files.certificate, own.certificatePem);
  writeFileSync(files.key, own.privateKeyPem, { mode: 0o600 });
}

/** The body of a 200; undefined: not yet. */
function ask(onPort: number, path: string, ca: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({
      ...{ host: HOST, port: onPort, path, ca, agent: false, timeout: 1_000 },
      // Without one it refuses.
      headers: { 'user-agent': 'portolan-demo' },
    });
    asked.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(response.statusCode === 200 ? text : undefined));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(undefined));
    asked.on('close', () => resolve(undefined));
    asked.end();
  });
}
