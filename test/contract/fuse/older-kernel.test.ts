import { mkdirSync, mkdtempDisposableSync, readdirSync, writeFileSync } from 'node:fs';
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

/** A kernel that knows no FUSE_NOTIFY_RESEND: who serves is told these requests, and killed. Gives what it said, by request. */
async function servedByOneThatIsKilled(folder: string, asked: readonly Buffer[]): Promise<ReadonlyMap<bigint, Buffer>> {
  const said = new Map<bigint, Buffer>();
  const [files, spool] = [join(folder, 'files'), join(folder, 'spool')];
  await serveCache({
    device: {
      async serve(hear) {
        for (const one of asked) hear(one);
      },
      answer: (reply) => void said.set(reply.readBigUInt64LE(8), reply),
      notify: async () => false,
    },
    ...{ real: realFolder(files), spool: cacheSpool(spool), account: { uid: 0, gid: 0 }, ready: () => {} },
  });
  return said;
}

describe('a cache on a kernel before Linux 6.9', () => {
  it('ends what whoever served before did not answer, which is then asked again, and answers its INIT', async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'statectl-older-'));
    for (const name of ['files', 'spool']) mkdirSync(join(folder.path, name));
    const version = 'a'.repeat(64);
    const index = { files: [{ path: 'far.gcode', sizeBytes: 5, mtimeNs: '1764493200000000000', version }] };
    writeFileSync(join(folder.path, 'spool/index.json'), JSON.stringify(index));
    const agent = { pid: process.pid, started: await processStart(linuxHost().files, process.pid) };
    writeFileSync(join(folder.path, 'spool/agent.json'), JSON.stringify(agent));

    const none = await servedByOneThatIsKilled(folder.path, []);
    expect([...none].map(([unique, reply]) => [unique, reply.readInt32LE(4)])).toEqual([[2n, 0]]);

    const first = await servedByOneThatIsKilled(folder.path, [
      frame(OPCODE.init, 2n, 0, Buffer.alloc(64)),
      frame(OPCODE.lookup, 4n, ROOT, Buffer.from('far.gcode\0')),
      frame(OPCODE.open, 6n, 2, Buffer.alloc(8)),
    ]);
    // It waits for the file.
    expect([first.get(4n)?.readInt32LE(4), first.get(6n)]).toEqual([0, undefined]);
    expect(readdirSync(join(folder.path, 'spool/want')).length).toBe(1);

    const second = await servedByOneThatIsKilled(folder.path, []);
    for (const lost of [6n, 8n, 10n]) expect(second.get(lost)?.readInt32LE(4)).toBe(-constants.errno.EINTR);
    expect(readdirSync(join(folder.path, 'spool/want'))).toEqual([]);
  });
});
