import { expect } from 'vitest';
import type { BehaviourId } from '../provider-behaviours.ts';
import { isPossible } from '../provider-harness.ts';
import { find, groupsFor, type ProviderTest, plainSet, put, read, send, soon } from './world.ts';

/** Far beyond what a call may take after it was told to end. */
const AT_ONCE_MS = 3000;

export const FAULTS: Readonly<Partial<Record<BehaviourId, ProviderTest>>> = {
  'fault.throttled': async (world) => {
    const { throttle } = world.running.faults;
    if (!isPossible(throttle)) return world.hole(throttle.why);
    const set = plainSet(world.name(), 'A', ['192.0.2.1']);
    const content = await read(world);
    throttle(1);
    try {
      const refused = await send(world, content, groupsFor(content, [set])).catch((error: unknown) => error);
      expect(refused).toMatchObject({ name: 'ProviderError', failure: 'throttled' });
      await expect(read(world)).rejects.toMatchObject({ failure: 'throttled' });
    } finally {
      throttle(0);
    }
    expect(find(await read(world), set)).toBeUndefined();
    await put(world, set);
    expect(find(await read(world), set)).toEqual(set);
  },

  'fault.answerLost': async (world) => {
    const { loseNextAnswer } = world.running.faults;
    if (!isPossible(loseNextAnswer)) return world.hole(loseNextAnswer.why);
    const set = plainSet(world.name(), 'A', ['192.0.2.1']);
    const content = await read(world);
    loseNextAnswer();
    const outcome: unknown = await send(world, content, groupsFor(content, [set])).then(
      () => 'applied',
      (error: unknown) => error,
    );
    // `transient` would say that nothing was changed, `conflict` that somebody else did it.
    if (outcome !== 'applied') expect(outcome).toMatchObject({ name: 'ProviderError', failure: 'ambiguous' });
    expect(find(await read(world), set)).toEqual(set);
    // And the next writer goes on from what is there.
    const next = plainSet(world.name('next'), 'A', ['192.0.2.2']);
    await put(world, next);
    expect(find(await read(world), next)).toEqual(next);
  },

  'fault.latency': async (world) => {
    const { latency } = world.running.faults;
    if (!isPossible(latency)) return world.hole(latency.why);
    const set = plainSet(world.name(), 'A', ['192.0.2.1']);
    latency(200);
    try {
      const began = performance.now();
      await put(world, set);
      expect(performance.now() - began).toBeGreaterThan(200);
      expect(find(await read(world), set)).toEqual(set);
    } finally {
      latency(0);
    }
  },

  'fault.abort': async (world) => {
    const { latency } = world.running.faults;
    if (!isPossible(latency)) return world.hole(latency.why);
    const content = await read(world);
    const set = plainSet(world.name(), 'A', ['192.0.2.1']);
    latency(30_000);
    try {
      for (const call of [
        (signal: AbortSignal) => world.provider.read(world.running.zone, signal),
        (signal: AbortSignal) => world.provider.zones(signal),
        (signal: AbortSignal) => send(world, content, groupsFor(content, [set]), { signal }),
      ]) {
        const began = performance.now();
        await expect(call(AbortSignal.timeout(150))).rejects.toBeInstanceOf(Error);
        expect(performance.now() - began).toBeLessThan(AT_ONCE_MS);
      }
    } finally {
      latency(0);
    }
  },

  'fault.revoked': async (world) => {
    const running = await world.fresh();
    const { revoke } = running.faults;
    if (!isPossible(revoke)) return world.hole(revoke.why);
    const provider = await world.open({}, running);
    const content = await provider.read(running.zone, soon());
    await revoke();
    const denied = { name: 'ProviderError', failure: 'denied' };
    const error: unknown = await provider.read(running.zone, soon()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(denied);
    expect(String(Reflect.get(error as object, 'fix') ?? '').length, 'its fix').toBeGreaterThan(10);
    const set = plainSet(running.zone.origin, 'A', ['192.0.2.1']);
    await expect(
      send(world, content, groupsFor(content, [set]), { provider, running }),
    ).rejects.toMatchObject(denied);
    const findings = await provider.check([running.zone], soon());
    const failed = findings.filter(({ ok }) => !ok);
    expect(failed.length).toBeGreaterThan(0);
    for (const finding of failed) expect(finding.fix?.length ?? 0, finding.message).toBeGreaterThan(10);
  },

  'fault.zoneGone': async (world) => {
    const running = await world.fresh();
    const { deleteZone } = running.faults;
    if (!isPossible(deleteZone)) return world.hole(deleteZone.why);
    const provider = await world.open({}, running);
    const content = await provider.read(running.zone, soon());
    await deleteZone();
    const gone = { name: 'ProviderError', failure: 'gone' };
    await expect(provider.read(running.zone, soon())).rejects.toMatchObject(gone);
    const set = plainSet(running.zone.origin, 'A', ['192.0.2.1']);
    await expect(
      send(world, content, groupsFor(content, [set]), { provider, running }),
    ).rejects.toMatchObject(gone);
  },
};
