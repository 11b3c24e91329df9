import { generateKeyPairSync } from 'node:crypto';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import { keyDigest } from '../../src/identity/certificates/fingerprint.ts';
import { identityFiles } from '../../src/identity/machine/identity-files.ts';
import { machineKeys } from '../fixtures/identity/machine-keys.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';

/**
 * Makes the state of a server that has images and keys, and approved a machine. Gives the disk of that machine, which has its key and
 * nothing else; `dir` is for what it is made of.
 */
export async function approvedMachine(
  dir: string,
  { state, node, uuid }: { readonly state: string; readonly node: string; readonly uuid: string },
): Promise<DiskFile> {
  await cp(inject('images').tiny.state, state, { recursive: true });
  await cp(`${DEMO.state}/keys`, `${state}/keys`, { recursive: true });
  const identity = join(dir, 'disk/persistent/statectl/identity');
  await mkdir(identity, { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  await writeFile(identityFiles(identity).key, pem, { mode: 0o600 });
  await using keys = await machineKeys(state);
  const machine = { digest: keyDigest(privateKey), node, claims: { uuid }, remote: '10.0.2.15' };
  await keys.approve({ ...machine, proof: 'person' });
  return await makeDisk({ type: 'ext4', label: 'user-data', sizeMiB: 64, tree: join(dir, 'disk') });
}
