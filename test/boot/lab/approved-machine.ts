import { cp } from 'node:fs/promises';
import { inject } from 'vitest';
import { type ApprovedMachine, approvedDisk } from '../../fixtures/vm/approved-machine.ts';
import type { DiskFile } from '../../fixtures/vm/disk.ts';

/**
 * Makes the state of a server that has images and keys, and approved a machine. Gives the disk of that machine, which has its key and
 * nothing else; `dir` is for what it is made of.
 */
export async function approvedMachine(dir: string, machine: ApprovedMachine): Promise<DiskFile> {
  await cp(inject('images').tiny.state, machine.state, { recursive: true });
  return await approvedDisk(dir, machine);
}
