import fc from 'fast-check';

/*
 * What tests get as `fast-check` (vitest.config.ts): the same cases in every run, so that a test fails for what was changed and not for what was
 * drawn. Others are tried by `npm test -- --long`, which draws a seed and prints it.
 */

fc.configureGlobal({
  ...fc.readConfigureGlobal(),
  seed: Number(process.env.PORTOLAN_PROPERTY_SEED ?? 20_261_122),
});

export * from 'fast-check';
export { default } from 'fast-check';
