import { describe, expect, it } from 'vitest';
import { createHubCertificate } from './server-certificate.ts';

const DAY_MS = 86_400_000;

/** A clock that runs its one timer when told to. */
function manualClock() {
  const timers = new Set<() => void>();
  const clock = {
    now: 100 * DAY_MS,
    wallMs: () => clock.now,
    monotonicMs: () => clock.now,
    after(_: number, task: () => void) {
      timers.add(task);
      return () => void timers.delete(task);
    },
    /** Runs what is due and everything that follows from it at once. */
    async tick() {
      for (const task of [...timers]) {
        timers.delete(task);
        task();
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
    timers,
  };
  return clock;
}

describe("the hub's listener certificate", () => {
  const start = async (fails: () => boolean = () => false) => {
    const clock = manualClock();
    const issuedAt: number[] = [];
    const errors: unknown[] = [];
    const ca = {
      issueHubServer: async (nowMs: number) => {
        if (fails()) throw new Error('no key');
        issuedAt.push(nowMs / DAY_MS);
        return { certificatePem: `certificate ${issuedAt.length}`, privateKeyPem: 'key' };
      },
    };
    const certificate = await createHubCertificate(ca, clock, (error) => void errors.push(error));
    const changes: string[] = [];
    certificate.onChange((pair) => void changes.push(pair.certificatePem));
    return { clock, certificate, issuedAt, changes, errors };
  };

  it('is made anew ten days after the last one, and those who use it are told', async () => {
    const { clock, certificate, issuedAt, changes } = await start();
    clock.now += 9.9 * DAY_MS;
    await clock.tick();
    expect(issuedAt).toEqual([100]);
    clock.now += 0.1 * DAY_MS;
    await clock.tick();
    expect(issuedAt).toEqual([100, 110]);
    expect(changes).toEqual(['certificate 2']);
    expect(certificate.current().certificatePem).toBe('certificate 2');
  });

  it('is made anew when the wall clock was set back', async () => {
    const { clock, issuedAt } = await start();
    clock.now -= DAY_MS;
    await clock.tick();
    expect(issuedAt).toEqual([100, 99]);
  });

  it('stays when a new one cannot be made, and that is tried again', async () => {
    let broken = false;
    const { clock, certificate, errors } = await start(() => broken);
    broken = true;
    clock.now += 10 * DAY_MS;
    await clock.tick();
    expect(errors).toHaveLength(1);
    expect(certificate.current().certificatePem).toBe('certificate 1');
    broken = false;
    await clock.tick();
    expect(certificate.current().certificatePem).toBe('certificate 2');
  });

  it('leaves no timer behind', async () => {
    const { clock, certificate } = await start();
    await clock.tick();
    certificate.close();
    expect(clock.timers.size).toBe(0);
  });
});
