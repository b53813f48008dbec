import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import { KIND_NAMES, storedVersion } from './catalogue.ts';
import { parseResource } from './validate.ts';
import { parseText } from './yaml.ts';

/** Field names of the schemas, so that random documents get past the first gate. */
const field = fc.constantFrom(
  'location',
  'country',
  'hostnames',
  'endpoints',
  'routing',
  'default',
  'tiers',
  'members',
  'geo',
  'match',
  'name',
  'cluster',
  'healthCheck',
  'inline',
  'protocol',
  'selection',
  'mode',
  'records',
  'origin',
  'action',
  'stringData',
  'listeners',
  'rules',
  'matches',
  'filters',
  'targetRefs',
  'authentication',
  'jwt',
  'type',
  '__proto__',
  'constructor',
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 5 },
    fc.jsonValue(),
    fc.constantFrom('tcp', 'http', 'weighted', 'DE', 'a.example', 1),
    fc.dictionary(field, tie('any'), { maxKeys: 5 }),
    fc.array(tie('any'), { maxLength: 3 }),
  ),
})).any;

it('I36 any JSON document is either parsed or refused with codes, paths and fixes; nothing else is thrown', () => {
  fc.assert(
    fc.property(fc.constantFrom(...KIND_NAMES), value, value, (kind, metadata, spec) => {
      try {
        parseResource({
          apiVersion: storedVersion(kind),
          kind,
          metadata: typeof metadata === 'object' ? metadata : { name: 'x' },
          spec,
        });
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(PortolanError);
        if (thrown instanceof PortolanError) {
          const codes = new Set(thrown.violations.map((v) => v.code));
          expect(codes.size > 1 ? 'VALIDATION_FAILED' : [...codes][0]).toBe(thrown.code);
          expect(thrown.violations.length).toBeGreaterThan(0);
          for (const v of thrown.violations) expect(v.fix.length * v.message.length).toBeGreaterThan(0);
        }
      }
    }),
    { numRuns: 500 },
  );
});

it('I36 any text is either read or YAML_INVALID', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'a:-[]{}&*!|>\'"\n\t #,?0') })),
      (text) => {
        try {
          parseText(text);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'YAML_INVALID' });
        }
      },
    ),
    { numRuns: 500 },
  );
});
