import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { type HubProcess, startHub } from '../support/hub-process.ts';
import { type Pebble, requirePebble, startPebble } from '../support/pebble.ts';
import { until } from '../support/until.ts';

/* `portolan cert` as a person types it, against a hub of its own process: the internal CA, then a real ACME exchange. */

const available = await requirePebble('certificates from the command line, by a real CA');

const INTERNAL = `apiVersion: portolan.dev/v1alpha1
kind: Issuer
metadata: { name: internal }
spec: { internal: {} }
---
apiVersion: portolan.dev/v1alpha1
kind: CertificatePolicy
metadata: { name: inside }
spec: { issuers: [internal], dnsNames: [inside.test, "*.inside.test"] }
`;
const ZONE = `apiVersion: portolan.dev/v1alpha1
kind: Zone
metadata: { name: shop }
spec:
  origin: shop.example
  nameServers: [{ name: ns1.shop.example, addresses: [127.0.0.1] }]
`;
const acme = (ca: Pebble): string => `apiVersion: portolan.dev/v1alpha1
kind: Secret
metadata: { name: ca }
spec: { stringData: { ca.crt: ${JSON.stringify(ca.serverCa)} } }
---
apiVersion: portolan.dev/v1alpha1
kind: Issuer
metadata: { name: ca }
spec:
  acme:
    directory: ${ca.directory}
    staging: ${ca.directory}
    termsOfServiceAgreed: true
    caSecret: { name: ca, key: ca.crt }
    limits: { certificatesPerNameSet: 2 }
---
apiVersion: portolan.dev/v1alpha1
kind: CertificatePolicy
metadata: { name: shop }
spec:
  issuers: [ca]
  dnsNames: [shop.example, "*.shop.example"]
`;
/** The same name in every one: what a CA counts. */
const again = (name: string): string => `apiVersion: portolan.dev/v1alpha1
kind: CertificatePolicy
metadata: { name: ${name} }
spec: { issuers: [ca], dnsNames: [pay.shop.example] }
`;
/** Its name lies in no zone. */
const NOT_OURS = `apiVersion: portolan.dev/v1alpha1
kind: CertificatePolicy
metadata: { name: elsewhere }
spec: { issuers: [ca], dnsNames: [www.elsewhere.example], challenge: dns-01 }
`;
const WAIT = ['--wait', '--timeout', '60s'];

describe('portolan cert', () => {
  let folder: string;
  let hub: HubProcess | undefined;
  let token: string;
  let ca: Pebble | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portolan-cert-'));
    const home = join(folder, 'home');
    expect((await runCli(['init', '--dir', home], { folder })).code).toBe(0);
    const dns = `127.0.0.1:${await freePort()}`;
    hub = await startHub(home, { PORTOLAN_DNS_LISTEN: dns });
    token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
    if (available.available) ca = await startPebble({ dnsServer: dns, profiles: { default: 6 * 86_400 } });
  });
  afterAll(async () => {
    await hub?.stop();
    await ca?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const portolan = (...argv: readonly string[]) =>
    runCli(argv, { folder, env: { PORTOLAN_SERVER: hub?.api ?? '', PORTOLAN_TOKEN: token } });
  const apply = async (text: string) => {
    const file = join(folder, 'documents.yaml');
    await writeFile(file, text);
    return portolan('apply', '-f', file);
  };
  const issued = (policy: string) =>
    until(
      `a certificate for ${policy}`,
      async () => (await portolan('cert', 'list', '--policy', policy, '-o', 'json')).out.includes('"serial"'),
      60_000,
    );

  it('says how to begin where there is none', async () => {
    const { err, code } = await portolan('cert', 'list');
    expect(err).toContain('No certificate in default: apply an Issuer and a CertificatePolicy');
    expect(code).toBe(0);
  });

  it('lists, describes and renews certificates of the internal CA', async () => {
    expect((await apply(INTERNAL)).code).toBe(0);
    await issued('inside');
    const { out, code } = await portolan('cert', 'list');
    expect(code).toBe(0);
    const [head = '', row = ''] = out.split('\n');
    expect(head.split(/ {3,}/)).toEqual([
      ...['ID', 'POLICY', 'NAMES', 'ISSUER', 'STATE', 'EXPIRES', 'RENEWS', 'CLUSTERS'],
    ]);
    expect(row).toMatch(
      /^cert-[0-9a-f]{8,} +inside +\*\.inside\.test,inside\.test +internal +valid +in 29 days +in \d+ days +-$/,
    );
    const described = await portolan('cert', 'describe', 'inside');
    expect(described.out).toMatch(/Key: +ECDSA-P256, made and kept \(encrypted\) by the hub/);
    expect(described.out).toMatch(/Renewal: +\S+Z \(in \d+ days\): \d+ % of its life is left then/);
    expect(described.out).toMatch(/Chain:\n {2}0 {2}CN=.*\n {5}by O=portolan, CN=portolan development CA/);
    const pem = await portolan('cert', 'describe', 'inside', '--pem');
    expect(pem.out).toMatch(/^-----BEGIN CERTIFICATE-----/);
    expect(pem.out).not.toContain('PRIVATE');

    const before = /Serial: +(\S+)/.exec(described.out)?.[1];
    const renewed = await portolan('cert', 'renew', 'inside', ...WAIT);
    expect(renewed).toMatchObject({ code: 0 });
    const after = /serial (\S+) by internal/.exec(renewed.out)?.[1];
    expect(after).toBeDefined();
    expect(after).not.toBe(before);
    expect((await portolan('cert', 'history', 'inside')).out).toMatch(
      /renewed +internal .* renewed by hand\n.*issued +internal/,
    );
    expect((await portolan('events', '--limit', '20')).out).toMatch(/certificate\.renew .* renewed by hand/);
  });

  it.each([
    [['cert', 'describe', 'cert-ffffffff'], 'CERTIFICATE_NOT_FOUND', 'portolan cert list'],
    [['cert', 'renew', 'nothing'], 'CERTIFICATE_NOT_FOUND', 'portolan cert list'],
    [['cert', 'renew', 'inside', '--force'], 'USAGE', '--reason'],
    [['cert', 'revoke', 'inside', '--reason', 'superseded'], 'ISSUER_REFUSED', 'portolan cert renew'],
    [['cert', 'try', 'inside'], 'VALIDATION_FAILED', 'internal CA needs no trial'],
    [['cert', 'try', 'other'], 'NOT_FOUND', 'portolan get certificatepolicies'],
  ])('%j is refused with what to do', async (argv, code, fix) => {
    const { err, code: exit } = await portolan(...argv);
    expect(exit).not.toBe(0);
    expect(err).toContain(code);
    expect(err).toContain(fix);
  });

  describe.skipIf(!available.available)('with a CA that speaks ACME', () => {
    it('tries a policy at staging, orders for it, and warns of the last one that the CA gives', async () => {
      if (ca === undefined) return;
      expect((await apply(ZONE)).err).not.toContain('warning');
      expect(await apply(acme(ca))).toMatchObject({ code: 0 });
      await issued('shop');
      const tried = await portolan('cert', 'try', 'shop', ...WAIT);
      expect(tried.out).toMatch(/^passed: \*\.shop\.example, shop\.example at https:/);
      expect(tried.err).toContain('a certificate was issued, and thrown away');
      const again = await portolan('cert', 'try', 'shop', '--last', '-o', 'json');
      expect(JSON.parse(again.out)).toMatchObject({ state: 'passed', issuer: 'ca' });
    });

    it('revokes what it has replaced', async () => {
      const { out: before } = await portolan('cert', 'describe', 'shop', '-o', 'json');
      const serial = /"serial": "([0-9A-F]+)"/.exec(before)?.[1] ?? '';
      const revoked = await portolan('cert', 'revoke', 'shop', '--reason', 'keyCompromise');
      expect(revoked.out).toContain('is revoked at ca (keyCompromise) once its replacement is there');
      await until('it is revoked', async () => ca?.isRevoked(serial), 60_000);
      await until(
        'the history says so',
        async () => /revoked +ca +[0-9A-F]+/.test((await portolan('cert', 'history', 'shop')).out),
        10_000,
      );
      const history = await portolan('cert', 'history', 'shop');
      expect(history.out).toMatch(/renewed +ca .*to be revoked: keyCompromise/);
      const dry = await portolan('cert', 'renew', 'shop', '--dry-run');
      expect(dry.out).toContain('would order another certificate for *.shop.example, shop.example from ca');
    });

    it('counts what the CA counts: another order for the same names is refused, but for force', async () => {
      expect((await apply(again('first'))).err).not.toContain('warning');
      await issued('first');
      expect((await apply(again('second'))).err).toContain(
        'warning: CertificatePolicy default/second at Issuer default/ca: would be certificate 2 of 2 in 7 days',
      );
      await issued('second');
      expect((await apply(again('third'))).code).toBe(0);
      await until(
        'it is known',
        async () => (await portolan('cert', 'list', '--policy', 'third')).out.includes('third'),
        10_000,
      );
      const dry = await portolan('cert', 'renew', 'third', '--dry-run');
      expect(dry.out).toContain(
        'would be refused: Issuer ca: this order would be certificate 3 of 2 in 7 days',
      );
      const { out } = await portolan('cert', 'describe', 'third');
      expect(out).toMatch(/Limits of the CA, with the next order:\n.*certificate 3 of 2 in 7 days/);
      const refused = await portolan('cert', 'renew', 'third');
      expect(refused.err).toContain('ISSUER_RATE_LIMITED');
      expect(refused.err).toContain('--force');
      const forced = await portolan('cert', 'renew', 'third', '--force', '--reason', 'test', ...WAIT);
      expect(forced).toMatchObject({ code: 0 });
    });

    it('says of a name that is not ours why nothing comes, and what to do', async () => {
      const applied = await apply(NOT_OURS);
      expect(applied.err).toContain(
        'no Zone or DNSProvider of namespace default holds www.elsewhere.example',
      );
      const { value: out } = await until(
        'a failure',
        async () => {
          const { out: shown } = await portolan('cert', 'describe', 'elsewhere');
          return shown.includes('Failures:') && shown;
        },
        60_000,
      );
      expect(out).toMatch(/State: +failing/);
      expect(out).toContain('error CERTIFICATE_NAME_NOT_OURS');
      expect(out).toContain('fix: ');
      expect((await portolan('cert', 'list')).code).toBe(1);
    });
  });
});
