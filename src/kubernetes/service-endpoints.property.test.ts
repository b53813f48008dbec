import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Slice, Vantage } from './endpoint-slices.ts';
import { type EndpointNames, type ServicePorts, ServiceTable } from './service-endpoints.ts';

const vantage: Vantage = { zone: 'a', ipv4: true, ipv6: true, refusal: () => undefined };
const SERVICES = ['shop/web', 'shop/api', 'other/web'];
const KEYS = [...SERVICES.flatMap((service) => [`${service}:80`, `${service}:443`]), 'shop/none:80'];

const line = fc
  .tuple(
    fc.integer({ min: 1, max: 6 }),
    fc.constantFrom('r', 't'),
    fc.constantFrom('-', 'a', 'b', 'a,b'),
    fc.boolean(),
  )
  .map(([n, state, zones, ipv6]) => `${ipv6 ? `fd00::${n}` : `10.0.0.${n}`} ${state} ${zones} shop/pod-${n}`);
const slice: fc.Arbitrary<Slice> = fc.record({
  service: fc.constantFrom(...SERVICES),
  ports: fc.constantFrom('http=8080', 'http=8080,tls=8443', '', 'tls=443', '=80'),
  endpoints: fc.array(line, { maxLength: 5 }).map((lines) => lines.join('\n')),
});
const ports: fc.Arbitrary<ServicePorts> = fc.constantFrom(
  { ports: [{ port: 80, name: 'http' }] },
  {
    ports: [
      { port: 80, name: 'http' },
      { port: 443, name: 'tls' },
    ],
  },
  { ports: [{ port: 80 }] },
);
type Step =
  | { readonly type: 'slice'; readonly key: string; readonly slice: Slice | undefined }
  | { readonly type: 'service'; readonly key: string; readonly ports: ServicePorts | undefined }
  | { readonly type: 'use'; readonly keys: readonly string[] }
  | { readonly type: 'synced' };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('slice' as const),
      key: fc.constantFrom('s/1', 's/2', 's/3', 's/4', 's/5'),
      slice: fc.option(slice, { nil: undefined }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('service' as const),
      key: fc.constantFrom(...SERVICES),
      ports: fc.option(ports, { nil: undefined, freq: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('use' as const), keys: fc.subarray(KEYS) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('synced' as const) }) },
);

describe('endpoints that are followed', () => {
  test('are those of a table that begins with what there is now, whatever happened before; every change is told once', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const heard = new Map<string, EndpointNames>();
        let isSynced = false;
        const followed = new ServiceTable({
          vantage,
          onEndpoints(changed) {
            expect(isSynced).toBe(true);
            for (const [key, names] of changed) {
              if (heard.has(key) && used.has(key)) expect(names).not.toEqual(heard.get(key));
              heard.set(key, names);
            }
          },
        });
        let used = new Set<string>();
        const slices = new Map<string, Slice | undefined>();
        const services = new Map<string, ServicePorts | undefined>();
        for (const made of steps) {
          if (made.type === 'slice') {
            slices.set(made.key, made.slice);
            followed.slices(new Map([[made.key, made.slice]]));
          } else if (made.type === 'service') {
            services.set(made.key, made.ports);
            followed.services(new Map([[made.key, made.ports]]));
          } else if (made.type === 'use') {
            for (const key of used) if (!made.keys.includes(key)) heard.delete(key);
            used = new Set(made.keys);
            followed.use(made.keys);
          } else {
            isSynced = true;
            followed.synced();
          }
        }
        const fresh = new ServiceTable({ vantage, onEndpoints: () => undefined });
        // The other way round: the order of slices says nothing.
        for (const [key, content] of [...slices].reverse()) fresh.slices(new Map([[key, content]]));
        fresh.use(used);
        fresh.services(services);
        if (isSynced) fresh.synced();
        expect(followed.endpoints).toEqual(fresh.endpoints);
        expect(heard).toEqual(fresh.endpoints);
        for (const names of followed.endpoints.values())
          expect(names).toEqual(names && [...new Set(names)].sort());
      }),
      { numRuns: 300 },
    );
  });

  test('a Service that is gone has none, and one whose pods are gone has an empty list', () => {
    const heard: (readonly [string, EndpointNames])[] = [];
    const table = new ServiceTable({ vantage, onEndpoints: (changed) => void heard.push(...changed) });
    table.use(['shop/web:80']);
    table.services(new Map([['shop/web', { ports: [{ port: 80, name: 'http' }] }]]));
    table.slices(
      new Map([['shop/web-1', { service: 'shop/web', ports: 'http=8080', endpoints: '10.0.0.1 r - -' }]]),
    );
    expect(heard).toEqual([]);
    table.synced();
    table.slices(new Map([['shop/web-1', undefined]]));
    table.services(new Map([['shop/web', undefined]]));
    expect(heard).toEqual([
      ['shop/web:80', ['10.0.0.1:8080']],
      ['shop/web:80', []],
      ['shop/web:80', undefined],
    ]);
  });
});
