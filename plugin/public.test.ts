import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, expectTypeOf, it } from 'vitest';
import * as own from './index.ts';
import type * as declared from './public.d.ts';

it('what is declared for services is what the module has (shown by the compiler)', () => {
  expectTypeOf<typeof own>().toExtend<typeof declared>();
  expectTypeOf<typeof declared>().toExtend<typeof own>();
  expectTypeOf<Required<own.PortolanOptions>>().toEqualTypeOf<Required<declared.PortolanOptions>>();
  expectTypeOf<Required<own.Caller>>().toEqualTypeOf<Required<declared.Caller>>();
  expectTypeOf<Required<own.AskedRequest>>().toExtend<Required<declared.AskedRequest>>();
  expectTypeOf<Required<declared.AskedRequest>>().toExtend<Required<own.AskedRequest>>();
  expectTypeOf<own.Ruling>().toEqualTypeOf<declared.Ruling>();
  expectTypeOf<own.ConnectMiddleware>().toEqualTypeOf<declared.ConnectMiddleware>();
});

it('every function of the module is declared for services, and none that it has not', () => {
  const text = readFileSync(fileURLToPath(new URL('public.d.ts', import.meta.url)), 'utf8');
  const functions = [...text.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
  expect(functions.toSorted()).toEqual(Object.keys(own).toSorted());
});
