import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const provider = new URL('provider.ts', import.meta.url).href;

/** Modules of the SDK that a process has loaded after `code`. */
async function loaded(code: string): Promise<number> {
  const { stdout } = await run(process.execPath, [
    '--input-type=module',
    '-e',
    `import { createRequire } from 'node:module';
     ${code}
     console.log(Object.keys(createRequire(${JSON.stringify(provider)}).cache).filter((file) => file.includes('@aws-sdk')).length);`,
  ]);
  return Number(stdout.trim());
}

it('costs a hub without Route 53 nothing: the SDK is loaded when an account is opened', async () => {
  const load = `const { route53 } = await import(${JSON.stringify(provider)});`;
  expect(await loaded(load)).toBe(0);
  const options = `{ spec: { zones: [], route53: { region: 'us-east-1', secret: 's' } }, secret: { accessKeyId: 'a', secretAccessKey: 'b' }, name: 'n', owner: 'o', guard: {} }`;
  expect(await loaded(`${load} await route53.open(${options});`)).toBeGreaterThan(0);
});
