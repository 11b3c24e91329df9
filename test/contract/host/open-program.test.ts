import { expect, it } from 'vitest';
import { openProgram } from '../../../src/host/linux/open-program.ts';

const textOf = async (output: AsyncIterable<Uint8Array>): Promise<string> => {
  const parts: Uint8Array[] = [];
  for await (const part of output) parts.push(part);
  return Buffer.concat(parts).toString();
};

it('gives bytes as they come, then the status and what was said beside them', async () => {
  await using program = await openProgram(['sh', '-c', 'cat; echo why >&2; exit 3'], 'in and out\n');
  expect(await textOf(program.output)).toBe('in and out\n');
  expect(await program.ended).toEqual({ exitCode: 3, stderr: 'why\n' });
});

it('one whose reader waits, waits too: its memory is its own', async () => {
  await using program = await openProgram(['sh', '-c', 'head -c 50000000 /dev/zero && echo done >&2'], '');
  const chunks = program.output[Symbol.asyncIterator]();
  await chunks.next();
  expect(process.memoryUsage().arrayBuffers).toBeLessThan(40_000_000);
  let bytes = 0;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) bytes += next.value.length;
  expect(bytes).toBeGreaterThan(40_000_000);
  expect((await program.ended).stderr).toBe('done\n');
});

it('is ended when it is no more wanted, and by a signal is 128 and its number', async () => {
  const program = await openProgram(['sh', '-c', 'echo $$; exec sleep 600'], 'kept open');
  const { value } = await program.output[Symbol.asyncIterator]().next();
  const pid = Number(Buffer.from(value).toString());
  await program[Symbol.asyncDispose]();
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect((await program.ended).exitCode).toBe(128 + 15);
});

it('input that is kept open does not end, and a program that reads none is not waited for', async () => {
  await using open = await openProgram(['sh', '-c', 'read line || echo ended'], 'kept open');
  const first = open.output[Symbol.asyncIterator]().next();
  const quiet = new Promise((resolve) => setTimeout(resolve, 200, 'quiet'));
  expect(await Promise.race([first, quiet])).toBe('quiet');
  await using deaf = await openProgram(['true'], 'x'.repeat(1 << 20));
  expect((await deaf.ended).exitCode).toBe(0);
});

it('one that is not there is told', async () => {
  await expect(openProgram(['statectl-no-such-program'], '')).rejects.toMatchObject({ code: 'program-missing' });
});
