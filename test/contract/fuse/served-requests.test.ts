import { appendFileSync, mkdirSync, mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { realFolder } from '../../../src/fuse/real-folder.ts';
import { serveCache } from '../../../src/fuse/serve-cache.ts';
import { cacheSpool } from '../../../src/fuse/spool.ts';
import { processStart } from '../../../src/host/kernel/process-start.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { frame, OPCODE } from '../../fixtures/state/fuse-frame.ts';

const ROOT = 1;
const lookup = (unique: bigint, name: string): Buffer => frame(OPCODE.lookup, unique, ROOT, Buffer.from(`${name}\0`));
const u64 = (...numbers: readonly bigint[]): Buffer => Buffer.from(new BigUint64Array(numbers).buffer);

/** What is said to each request, one after the other; then it is unmounted. */
async function served(folder: string, asked: Iterable<Buffer>) {
  const said: [unique: bigint, error: number][] = [];
  const [files, spool] = [join(folder, 'files'), join(folder, 'spool')];
  for (const one of [files, spool]) mkdirSync(one, { recursive: true });
  await serveCache({
    device: {
      async serve(hear) {
        for (const one of asked) hear(one);
      },
      answer: (reply) => void said.push([reply.readBigUInt64LE(8), reply.readInt32LE(4)]),
      notify: async () => true,
    },
    ...{ real: realFolder(files), spool: cacheSpool(spool), account: { uid: 0, gid: 0 }, ready: () => {} },
  });
  return said;
}

describe('requests of the kernel to a cache', () => {
  it('are interrupted also where the interrupt is heard first: the kernel is asked to say it again', async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'statectl-heard-'));
    mkdirSync(join(folder.path, 'spool'));
    const index = { files: [{ path: 'far.gcode', sizeBytes: 5, mtimeNs: '1764493200000000000', version: 'a' }] };
    writeFileSync(join(folder.path, 'spool/index.json'), JSON.stringify(index));
    const agent = { pid: process.pid, started: await processStart(linuxHost().files, process.pid) };
    writeFileSync(join(folder.path, 'spool/agent.json'), JSON.stringify(agent));
    // FUSE_INT_REQ_BIT
    const interrupt = frame(OPCODE.interrupt, 7n, 0, u64(6n));
    expect(
      await served(folder.path, [
        lookup(4n, 'far.gcode'),
        interrupt,
        frame(OPCODE.open, 6n, 2, Buffer.alloc(8)),
        interrupt,
      ]),
    ).toEqual([
      [4n, 0],
      [7n, -constants.errno.EAGAIN],
      [6n, -constants.errno.EINTR],
    ]);
  });

  it('leave no more behind than what the kernel knows, however many there are', async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'statectl-heard-'));
    mkdirSync(join(folder.path, 'files'));
    for (const name of ['stays', 'goes']) writeFileSync(join(folder.path, 'files', name), '');
    const asked = function* () {
      yield lookup(2n, 'stays');
      // The second number is the first that is given after it.
      for (let round = 0; round < 15_000; round += 1) {
        yield lookup(BigInt(4 + 2 * round), 'goes');
        yield frame(OPCODE.forget, BigInt(100_000 + 2 * round), 3 + round, u64(1n));
      }
    };
    expect((await served(folder.path, asked())).filter(([, error]) => error !== 0)).toEqual([]);
    const journal = readFileSync(join(folder.path, 'spool/journal'), 'utf8');
    expect(journal.length).toBeLessThan(600_000);
    expect(cacheSpool(join(folder.path, 'spool')).journal()[0]?.node?.slice(0, 3)).toEqual([2, 1, 'stays']);
  });

  it('are known to the next process, also those after one that could not be written down whole', () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'statectl-heard-'));
    const spool = cacheSpool(folder.path);
    spool.append({ changed: 'before' });
    appendFileSync(join(folder.path, 'journal'), '{"changed":"cut o');
    spool.append({ changed: 'after' });
    expect(spool.journal()).toEqual([{ changed: 'before' }, { changed: 'after' }]);
  });
});
