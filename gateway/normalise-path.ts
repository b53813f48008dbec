export { normalisePath } from '../src/policy/normalise-path.ts';
