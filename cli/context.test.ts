import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containing } from '../test/support/matchers.ts';
import { findContext, type Place, userContextPath, writeContext } from './context.ts';

let folder: string;
let place: Place;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portolan-context-'));
  mkdirSync(join(folder, 'work', 'deep'), { recursive: true });
  mkdirSync(join(folder, 'home'));
  place = { env: {}, workingFolder: join(folder, 'work', 'deep'), homeFolder: join(folder, 'home') };
});
afterEach(() => rmSync(folder, { recursive: true }));

const writeLocal = (value: unknown): void => {
  mkdirSync(join(folder, 'work', '.portolan'), { recursive: true });
  writeFileSync(join(folder, 'work', '.portolan', 'context.json'), JSON.stringify(value));
  writeFileSync(join(folder, 'work', '.portolan', 'token'), 'local-token\n');
};

describe('the hub that commands talk to', () => {
  it('comes from flags before anything else', () => {
    writeLocal({ server: 'http://local', tokenFile: 'token' });
    const env = { PORTOLAN_SERVER: 'http://env', PORTOLAN_TOKEN: 'env-token' };
    expect(findContext({ server: 'http://flag', token: 'flag-token' }, { ...place, env })).toMatchObject({
      server: 'http://flag',
      token: 'flag-token',
      source: '--server',
    });
  });

  it('comes from the environment before files', () => {
    writeLocal({ server: 'http://local', tokenFile: 'token' });
    const env = { PORTOLAN_SERVER: 'http://env', PORTOLAN_TOKEN: 'env-token' };
    expect(findContext({}, { ...place, env })).toMatchObject({ server: 'http://env', token: 'env-token' });
  });

  it('comes from a context file above the working folder; its token file is relative to it', () => {
    writeLocal({ server: 'http://local', tokenFile: 'token', namespace: 'shop' });
    expect(findContext({}, place)).toMatchObject({
      server: 'http://local',
      token: 'local-token',
      tokenSource: `${join(folder, 'work', '.portolan', 'token')} (named by ${join(folder, 'work', '.portolan', 'context.json')})`,
      namespace: 'shop',
    });
    expect(findContext({ namespace: 'other' }, place).namespace).toBe('other');
  });

  it('comes from the file that init wrote, when none is nearer', () => {
    const tokenFile = join(folder, 'home', 'admin.token');
    writeFileSync(tokenFile, 'home-token');
    writeContext(userContextPath(place.homeFolder), { server: 'http://home', tokenFile });
    expect(findContext({}, place)).toMatchObject({
      server: 'http://home',
      token: 'home-token',
      namespace: 'default',
    });
    expect(statSync(userContextPath(place.homeFolder)).mode & 0o777).toBe(0o600);
    writeLocal({ server: 'http://local', tokenFile: 'token' });
    expect(findContext({}, place).server).toBe('http://local');
  });

  it('never gets the token of another hub', () => {
    writeLocal({ server: 'http://local', tokenFile: 'token' });
    expect(() => findContext({ server: 'http://elsewhere' }, place)).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED', fix: containing('--token') }),
    );
  });

  it('that nobody named is an error which says how to name it', () => {
    expect(() => findContext({}, place)).toThrow(
      expect.objectContaining({ code: 'USAGE', fix: containing('portolan dev') }),
    );
  });

  it.each<[what: string, value: unknown]>([
    ['no server', { tokenFile: 'token' }],
    ['an unknown field', { server: 'http://local', tokne: 'x' }],
    ['no object', 'http://local'],
  ])('in a context file with %s is refused with the path', (_what, value) => {
    writeLocal(value);
    expect(() => findContext({}, place)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: containing('context.json') }),
    );
  });

  it.each<[what: string, make: () => void]>([
    ['is missing', () => rmSync(join(folder, 'work', '.portolan', 'token'))],
    ['is empty', () => writeFileSync(join(folder, 'work', '.portolan', 'token'), '\n')],
  ])('with a token file that %s is refused with the path', (_what, make) => {
    writeLocal({ server: 'http://local', tokenFile: 'token' });
    make();
    expect(() => findContext({}, place)).toThrow(
      expect.objectContaining({
        code: 'UNAUTHENTICATED',
        message: containing('.portolan/token'),
      }),
    );
  });
});
