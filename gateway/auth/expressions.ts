import { type CelProgram, type CelPurpose, compileCel } from '../../src/policy/cel.ts';
import type { CelContext } from '../../src/policy/cel-context.ts';

/** What an evaluation error makes of a condition. */
export type OnError = 'true' | 'false';

export type Condition = (context: CelContext) => boolean;

/**
 * All of these conditions; undefined when there are none. `onError` is what an expression that fails counts as: whoever asks says which
 * side is the safe one.
 * @throws PortolanError CEL_INVALID
 */
export function conditionOf(texts: readonly string[], onError: OnError): Condition | undefined {
  const programs = texts.map((text) => compileCel(text, 'condition'));
  const [first] = programs;
  if (first === undefined) return undefined;
  const otherwise = onError === 'true';
  if (programs.length === 1) return (context) => holds(first, context, otherwise);
  return (context) => {
    for (const program of programs) if (!holds(program, context, otherwise)) return false;
    return true;
  };
}

function holds(program: CelProgram, context: CelContext, otherwise: boolean): boolean {
  try {
    return program(context) === true;
  } catch {
    return otherwise;
  }
}

/** The value of an expression; undefined when it fails. @throws PortolanError CEL_INVALID */
export function expression(text: string, purpose: CelPurpose): (context: CelContext) => unknown {
  const program = compileCel(text, purpose);
  return (context) => {
    try {
      return program(context);
    } catch {
      return undefined;
    }
  };
}
