import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GatewaySecrets } from '../../src/policy/model.ts';
import { type TestAuthority, type TestCertificate, testAuthority } from '../../test/support/certificates.ts';
import { containing } from '../../test/support/matchers.ts';
import { until } from '../../test/support/until.ts';
import { type CertificateExports, createCertificateExports } from './exports.ts';
import type { TlsSecret } from './kubernetes-secret.ts';
import { certificateSettings, type ExportItem } from './settings.ts';

let authority: TestAuthority;
let first: TestCertificate;
let second: TestCertificate;
let dir: string;
let later: { readonly delayMs: number; readonly run: () => void }[];
let said: string[];
let put: TlsSecret[];
let told: number;
const opened: CertificateExports[] = [];

beforeAll(async () => {
  authority = await testAuthority();
  first = await authority.issue({ dns: ['shop.example.com'] });
  second = await authority.issue({ dns: ['shop.example.com'], commonName: 'renewed' });
});
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'portolan-exports-'));
  [later, said, put, told] = [[], [], [], 0];
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

const at = (name: string): string => join(dir, name);
const item = (more: object = {}): ExportItem => {
  const files = { certificateFile: at('tls.crt'), keyFile: at('tls.key') };
  const [found] = certificateSettings.parse({ exports: [{ policy: 'shop/web', ...files, ...more }] }).exports;
  if (found === undefined) throw new Error('no item');
  return found;
};
const secretsWith = (...certificates: readonly TestCertificate[]): GatewaySecrets => ({
  bundles: {},
  values: {},
  certificates: Object.fromEntries(certificates.map((one, i) => [`cert-${i}`, one])),
  sets: { 'certificatepolicy/shop/web': certificates.map((_, i) => `cert-${i}`) },
});

function exportsOf(...items: readonly ExportItem[]): CertificateExports {
  const say = (details: object, message: string): void =>
    void said.push(`${message} ${JSON.stringify(details)}`);
  const made = createCertificateExports({
    items,
    dataDir: dir,
    readKey: async (id) => (id === 'own' ? first.keyPem : undefined),
    putSecret: async (secret) => void put.push(secret),
    clock: {
      after(delayMs, run) {
        later.push({ delayMs, run });
        return () => undefined;
      },
    },
    random: () => 0.5,
    onProblems: () => {
      told += 1;
    },
    log: { debug: say, info: say, warn: say, error: say },
  });
  opened.push(made);
  return made;
}
/** A pass has ended: the next look is arranged. */
const passed = (count: number): Promise<unknown> =>
  until('a pass', async () => later.length >= count, 5_000, 5);
/** Adds a line to a file: what it was told by its environment. */
const hook = (...more: readonly string[]): readonly string[] => [
  process.execPath,
  '-e',
  `require('node:fs').appendFileSync(${JSON.stringify(at('log'))}, process.env.PORTOLAN_CERTIFICATE_POLICY + process.argv.slice(1) + '\\n')`,
  ...more,
];
const reloads = async (): Promise<number> =>
  (await readFile(at('log'), 'utf8').catch(() => '')).split('\n').length - 1;

describe('certificates for other programs', () => {
  it('are written whole, the key for its owner alone, and the program is told without a shell', async () => {
    const made = exportsOf(item({ reload: hook('$(touch pwned); *') }));
    made.apply(secretsWith(first));
    await passed(1);
    expect(await readFile(at('tls.crt'), 'utf8')).toBe(first.certificatePem);
    expect(await readFile(at('tls.key'), 'utf8')).toBe(first.keyPem);
    expect([(await stat(at('tls.key'))).mode & 0o777, (await stat(at('tls.crt'))).mode & 0o777]).toEqual([
      0o600, 0o644,
    ]);
    expect(await readFile(at('log'), 'utf8')).toBe('shop/web$(touch pwned); *\n');
    expect((await readdir(dir)).filter((name) => name.includes('tmp'))).toEqual([]);
  });

  it('are written and told only when they are others', async () => {
    const made = exportsOf(item({ reload: hook() }));
    made.apply(secretsWith(first));
    await passed(1);
    made.apply(secretsWith(first));
    await passed(2);
    expect(await reloads()).toBe(1);
    made.apply(secretsWith(second));
    await passed(3);
    expect([await reloads(), await readFile(at('tls.crt'), 'utf8')]).toEqual([2, second.certificatePem]);
  });

  it('are put right at the start, and a program that was not told before a crash is told then', async () => {
    exportsOf(item()).apply(secretsWith(first));
    await passed(1);
    await rm(at('certificate-exports.json'));
    exportsOf(item({ reload: hook() })).apply(secretsWith(first));
    await passed(2);
    expect(await reloads()).toBe(1);
    await writeFile(at('tls.key'), 'somebody was here');
    exportsOf(item({ reload: hook() })).apply(secretsWith(first));
    await passed(3);
    expect([await reloads(), await readFile(at('tls.key'), 'utf8')]).toEqual([2, first.keyPem]);
  });

  it.each([
    ['fails', ['/bin/sh', '-c', 'echo no such site >&2; exit 3'], 'ended with 3: no such site'],
    ['is not there', ['/nonexistent/reload'], 'cannot be run (ENOENT)'],
    ['hangs', ['/bin/sh', '-c', 'sleep 60'], 'took longer than 1 s'],
  ])('a reload that %s is reported and tried again, and the files stay', async (_, reload, message) => {
    const made = exportsOf(item({ reload, reloadTimeoutSeconds: 1 }));
    made.apply(secretsWith(first));
    await passed(1);
    expect([...made.problems.values()]).toEqual([containing(message)]);
    expect(made.stats.failures).toBe(1);
    expect(told).toBe(1);
    expect(await readFile(at('tls.crt'), 'utf8')).toBe(first.certificatePem);
    expect(later[0]?.delayMs).toBeLessThan(10_000);
    later[0]?.run();
    await passed(2);
    expect(made.stats.failures).toBe(2);
    expect(JSON.stringify([said, [...made.problems]])).not.toContain('PRIVATE KEY');
  });

  it('a folder that is not there is reported, and written once it is', async () => {
    const made = exportsOf(item({ certificateFile: at('later/tls.crt'), keyFile: at('later/tls.key') }));
    made.apply(secretsWith(first));
    await passed(1);
    expect([...made.problems.values()]).toEqual([containing('ENOENT')]);
    const { mkdir } = await import('node:fs/promises');
    await mkdir(at('later'));
    later[0]?.run();
    await passed(2);
    expect([made.problems.size, told]).toEqual([0, 2]);
    expect(await readdir(at('later'))).toEqual(['tls.crt', 'tls.key']);
  });

  it('that are not there yet are no problem; a policy that this cluster does not get is one', async () => {
    const made = exportsOf(item());
    made.apply(secretsWith());
    await passed(1);
    expect(made.problems.size).toBe(0);
    made.apply({ bundles: {}, values: {}, certificates: {} });
    await passed(2);
    expect([...made.problems.values()]).toEqual([containing('spec.clusters')]);
  });

  it('one that fails for the first time is tried again soon, however long another one has failed', async () => {
    const never = item({ policy: 'shop/away', certificateFile: at('a.crt'), keyFile: at('a.key') });
    const made = exportsOf(never, item({ certificateFile: at('late/tls.crt'), keyFile: at('late/tls.key') }));
    made.apply({ ...secretsWith(), sets: { 'certificatepolicy/shop/web': [] } });
    for (let count = 1; count < 9; count += 1) {
      await passed(count);
      later.at(-1)?.run();
    }
    await passed(9);
    const long = later.at(-1)?.delayMs ?? 0;
    made.apply(secretsWith(first));
    await passed(10);
    expect(long).toBeGreaterThan(60_000);
    expect(later.at(-1)?.delayMs).toBeLessThan(10_000);
  });

  it('are chosen by a name where a policy has several, and keys made here are found here', async () => {
    const other = await authority.issue({ dns: ['other.example.com'] });
    exportsOf(item({ dnsName: 'other.example.com' })).apply(secretsWith(first, other));
    await passed(1);
    expect(await readFile(at('tls.crt'), 'utf8')).toBe(other.certificatePem);
    const own = { certificatePem: first.certificatePem, keyPem: '', agentKey: 'own' };
    exportsOf(item()).apply({
      ...secretsWith(),
      certificates: { a: own },
      sets: { 'certificatepolicy/shop/web': ['a'] },
    });
    await passed(2);
    expect(await readFile(at('tls.key'), 'utf8')).toBe(first.keyPem);
  });

  it('in one file are chain and key, for one user alone; a Secret gets them in the place of files', async () => {
    const both = item({ certificateFile: at('all.pem'), keyFile: at('all.pem'), mode: '0640' });
    const secret = certificateSettings.parse({
      exports: [{ policy: 'shop/web', kubernetesSecret: { name: 'web-tls' } }],
    }).exports;
    const made = exportsOf(both, ...secret);
    made.apply(secretsWith(first));
    await passed(1);
    expect(await readFile(at('all.pem'), 'utf8')).toBe(first.certificatePem + first.keyPem);
    expect((await stat(at('all.pem'))).mode & 0o777).toBe(0o640);
    expect(put).toEqual([{ ...first, name: 'web-tls', policy: 'shop/web' }]);
    made.apply(secretsWith(first));
    await passed(2);
    expect(put).toHaveLength(1);
  });

  it.each([
    [{ policy: 'web' }, 'namespace/name'],
    [{ policy: 'shop/web', certificateFile: 'a' }, 'needs certificateFile and keyFile'],
    [{ policy: 'shop/web', certificateFile: 'a', keyFile: 'b', kubernetesSecret: { name: 'x' } }, 'needs'],
    [{ policy: 'shop/web', kubernetesSecret: { name: 'x' }, reload: ['a'] }, 'for files'],
    [{ policy: 'shop/web', certificateFile: 'a', keyFile: 'b', mode: '0999' }, 'no mode'],
  ])('an export that means nothing is refused: %j', (input, message) => {
    const result = certificateSettings.safeParse({ exports: [input] });
    expect(JSON.stringify(result.error?.issues)).toContain(message);
  });
});
