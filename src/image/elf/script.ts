export interface Interpreter {
  /** The path after `#!`. */
  readonly interpreter: string;
  /** What `env` is asked to find, when that is the interpreter. */
  readonly program: string | undefined;
}

/** Reads the first line of a script, which starts with `#!` (execve(2), env(1)). */
export function readInterpreter(start: string): Interpreter {
  const [interpreter = '', ...args] = (start.split('\n')[0] ?? '').slice(2).trim().split(/\s+/);
  const program = interpreter.endsWith('/env') ? args.find((word) => !/^-|=/.test(word)) : undefined;
  return { interpreter, program };
}
