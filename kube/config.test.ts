import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containing } from '../test/support/matchers.ts';
import { openKubeAccess } from './config.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-kube-config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const POD = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };

async function account(fields: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folder, 'account');
  await mkdir(path, { recursive: true });
  for (const [name, text] of Object.entries(fields)) await writeFile(join(path, name), text);
  return path;
}

async function kubeconfig(
  name: string,
  cluster: object,
  user: object,
  context: object = {},
): Promise<string> {
  const file = join(folder, name);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: `cluster of ${name}`, cluster }],
    users: [{ name: `user of ${name}`, user }],
    contexts: [{ name, context: { cluster: `cluster of ${name}`, user: `user of ${name}`, ...context } }],
    'current-context': name,
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

describe('the API server that is meant', () => {
  it('is the pod’s own, with a token that is read again each minute and when it is refused', async () => {
    let nowMs = 0;
    const serviceAccountFolder = await account({ token: 'first\n', 'ca.crt': 'CA', namespace: 'edge\n' });
    const access = await openKubeAccess({ environment: POD, serviceAccountFolder, monotonicMs: () => nowMs });
    expect(access).toMatchObject({ server: 'https://10.96.0.1:443', namespace: 'edge' });
    const first = await access.authorise();
    expect(first).toEqual({ headers: { authorization: 'Bearer first' }, tls: { ca: 'CA' } });
    await account({ token: 'second' });
    nowMs = 60_000;
    expect(await access.authorise()).toBe(first);
    nowMs = 60_001;
    const second = await access.authorise();
    expect(second.headers.authorization).toBe('Bearer second');
    // The same connections serve on: nothing of TLS has changed.
    expect(second.tls).toBe(first.tls);
    await account({ token: 'third', 'ca.crt': 'another' });
    expect(await access.authorise(first)).toBe(second);
    const third = await access.authorise(second);
    expect(third).toEqual({ headers: { authorization: 'Bearer third' }, tls: { ca: 'another' } });
  });

  it('may have an IPv6 address, and a namespace nobody wrote down', async () => {
    const serviceAccountFolder = await account({ token: 't', 'ca.crt': 'CA' });
    const access = await openKubeAccess({
      environment: { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' },
      serviceAccountFolder,
    });
    expect(access).toMatchObject({ server: 'https://[fd00::1]:6443', namespace: 'default' });
  });

  it('is that of KUBECONFIG before the pod’s own, and of the files in it together', async () => {
    const serviceAccountFolder = await account({ token: 't', 'ca.crt': 'CA' });
    const ca = Buffer.from('CA of a').toString('base64');
    const one = await kubeconfig(
      'a',
      { server: 'https://a:6443/', 'certificate-authority-data': ca, 'tls-server-name': 'api' },
      { token: 'of a' },
    );
    const two = await kubeconfig(
      'b',
      { server: 'https://b:6443' },
      { username: 'u', password: 'p' },
      { namespace: 'shop' },
    );
    const environment = { ...POD, KUBECONFIG: `${one}:${two}` };
    const a = await openKubeAccess({ environment, serviceAccountFolder });
    expect(a).toMatchObject({ server: 'https://a:6443', namespace: 'default' });
    expect(await a.authorise()).toEqual({
      headers: { authorization: 'Bearer of a' },
      tls: { ca: 'CA of a', servername: 'api' },
    });
    const b = await openKubeAccess({ environment, serviceAccountFolder, context: 'b' });
    expect(b).toMatchObject({ server: 'https://b:6443', namespace: 'shop' });
    expect((await b.authorise()).headers).toEqual({
      authorization: `Basic ${Buffer.from('u:p').toString('base64')}`,
    });
  });

  it('runs the plug-in that a kubeconfig names', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'of the plug-in' },
    };
    const file = await kubeconfig(
      'exec',
      { server: 'https://a:6443', 'insecure-skip-tls-verify': true },
      {
        exec: {
          apiVersion: credential.apiVersion,
          command: 'echo',
          args: [JSON.stringify(credential)],
          interactiveMode: 'Never',
        },
      },
    );
    const access = await openKubeAccess({ environment: {}, file });
    expect(await access.authorise()).toEqual({
      headers: { authorization: 'Bearer of the plug-in' },
      tls: { rejectUnauthorized: false },
    });
    const broken = await kubeconfig(
      'broken',
      { server: 'https://a:6443' },
      { exec: { apiVersion: credential.apiVersion, command: 'false' } },
    );
    await expect((await openKubeAccess({ environment: {}, file: broken })).authorise()).rejects.toMatchObject(
      {
        code: 'KUBERNETES_UNAVAILABLE',
      },
    );
  });

  it('runs the plug-in again when its token is refused, though it has not ended', async () => {
    const answer = join(folder, 'credential');
    const issue = (token: string) =>
      writeFile(
        answer,
        JSON.stringify({
          apiVersion: 'client.authentication.k8s.io/v1',
          kind: 'ExecCredential',
          status: { token, expirationTimestamp: '2099-01-01T00:00:00Z' },
        }),
      );
    await issue('first');
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'cat', args: [answer] };
    const file = await kubeconfig('exec', { server: 'https://a:6443' }, { exec });
    const access = await openKubeAccess({ environment: {}, file, monotonicMs: () => 0 });
    const first = await access.authorise();
    await issue('second');
    expect(await access.authorise()).toBe(first);
    expect((await access.authorise(first)).headers).toEqual({ authorization: 'Bearer second' });
  });

  it('goes through the proxy that a kubeconfig names', async () => {
    const file = await kubeconfig(
      'proxied',
      { server: 'https://a:6443', 'proxy-url': 'http://127.0.0.1:9' },
      { token: 't' },
    );
    expect((await (await openKubeAccess({ environment: {}, file })).authorise()).agent).toBeDefined();
  });

  it.each([
    ['nothing is there', async () => ({ HOME: folder }), 'KUBECONFIG is not set'],
    ['its file is missing', async () => ({ KUBECONFIG: join(folder, 'none') }), 'none'],
    ['its file is no kubeconfig', async () => ({ KUBECONFIG: await kubeconfig('x', {}, {}) }), 'server'],
  ])('is not known when %s', async (_why, environment, said) => {
    await expect(openKubeAccess({ environment: await environment() })).rejects.toMatchObject({
      code: 'KUBERNETES_UNAVAILABLE',
      message: containing(said),
    });
  });

  it('is not known when the files of the service account cannot be read', async () => {
    const serviceAccountFolder = await account({ token: 't' });
    const access = await openKubeAccess({ environment: POD, serviceAccountFolder });
    await expect(access.authorise()).rejects.toMatchObject({ code: 'KUBERNETES_UNAVAILABLE' });
  });

  it('goes on with the token that it has when the files cannot be read for a while', async () => {
    let nowMs = 0;
    const serviceAccountFolder = await account({ token: 'first', 'ca.crt': 'CA' });
    const access = await openKubeAccess({ environment: POD, serviceAccountFolder, monotonicMs: () => nowMs });
    const first = await access.authorise();
    await rm(join(serviceAccountFolder, 'token'));
    nowMs = 60_001;
    expect(await access.authorise()).toBe(first);
    await expect(access.authorise(first)).rejects.toMatchObject({ code: 'KUBERNETES_UNAVAILABLE' });
  });
});
