import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, it } from 'vitest';
import { HANG_MS } from '../fixtures/hang.ts';
import { ROOM_BYTES } from './linux-world.ts';
import { memoryWorld } from './memory-world.ts';
import { ownerSentences, sentences } from './suite.ts';

const UNSHARE = ['--mount', '--propagation', 'private'];

/** Why the kernel's half cannot run here; undefined when it can. */
function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const { status, error, stderr } = spawnSync('unshare', [...UNSHARE, 'true'], { encoding: 'utf8' });
  return status === 0 ? undefined : `unshare -m does not work here: ${error?.message ?? stderr.trim()}`;
}

/** Runs linux-child.ts on a tmpfs that only it sees; failures by title. */
async function failuresOnKernel(host: string): Promise<ReadonlyMap<string, string | undefined>> {
  const mountPoint = mkdtempSync(join(tmpdir(), 'statectl-contract-'));
  const script = `mount -t tmpfs -o size=${ROOM_BYTES},mode=755 tmpfs "$1" && exec "$2" "$3" "$1" "$4"`;
  const child = join(import.meta.dirname, 'linux-child.ts');
  const shell = ['sh', '-c', script, 'sh', mountPoint, process.execPath, child, host];
  try {
    const { stdout } = await promisify(execFile)('unshare', [...UNSHARE, ...shell], { timeout: HANG_MS });
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { title: string; failure?: string });
    return new Map(results.map(({ title, failure }) => [title, failure]));
  } finally {
    rmdirSync(mountPoint); // The tmpfs went with its namespace.
  }
}

describe('the memory host', () => {
  for (const { title, check } of sentences) it(title, () => check(memoryWorld()));
});

const reason = obstacle();
for (const host of ['linux', 'boot', 'owner'])
  describe.skipIf(reason !== undefined)(
    `the ${host === 'owner' ? 'linux host with the rights of an owner' : `${host} host`}${reason === undefined ? '' : ` (skipped: ${reason})`}`,
    () => {
      let failures: ReadonlyMap<string, string | undefined>;
      beforeAll(async () => {
        failures = await failuresOnKernel(host);
      });
      for (const { title } of host === 'owner' ? ownerSentences : sentences)
        it(title, () => {
          if (!failures.has(title)) throw new Error('the child process ended before this sentence');
          const failure = failures.get(title);
          if (failure !== undefined) throw new Error(failure);
        });
    },
  );
