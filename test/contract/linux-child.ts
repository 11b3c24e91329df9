/**
 * Checks the sentences on the real kernel, and prints one JSON line for each. Started by host.test.ts in a mount namespace
 * of its own, with an empty tmpfs and the name of a host as its arguments.
 */
import { execFileSync } from 'node:child_process';
import { filesAs } from '../../src/host/files-as.ts';
import { bootHost } from '../../src/host/linux/boot-host.ts';
import { linuxHost } from '../../src/host/linux/host.ts';
import { HANG_MS } from '../fixtures/hang.ts';
import { linuxWorld } from './linux-world.ts';
import { ownerSentences, type Sentence, sentences } from './suite.ts';

const OWNER = { uid: 54_321, gid: 54_321 };
const isOwner = process.argv[3] === 'owner';
const host = process.argv[3] === 'boot' ? bootHost() : linuxHost();
const ownersHost = { ...host, files: filesAs(host, OWNER) };

async function failureOf({ check }: Sentence, root: string): Promise<string | undefined> {
  try {
    await using world = await linuxWorld(isOwner ? ownersHost : host, root);
    if (isOwner) execFileSync('chown', ['-R', `${OWNER.uid}:${OWNER.gid}`, root]);
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`not done after ${HANG_MS} ms`)), HANG_MS);
    await Promise.race([check(world), promise]);
    clearTimeout(timer);
    return undefined;
  } catch (error) {
    return (error as Error).stack ?? String(error);
  }
}

// A strict umask shows that modes do not depend on it.
process.umask(0o077);
const [, , tmpfs = ''] = process.argv;
for (const [index, sentence] of (isOwner ? ownerSentences : sentences).entries()) {
  const failure = await failureOf(sentence, `${tmpfs}/${index}`);
  process.stdout.write(`${JSON.stringify({ title: sentence.title, failure })}\n`);
}
process.exit(0);
