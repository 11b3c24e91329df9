import { entryOf } from '../../entry-of.ts';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { deleteSubvolume, findSubvolumes, rollBack } from '../../machine/disks/btrfs/change.ts';
import { findDevice } from '../../machine/facts/block-devices.ts';
import { parseDeviceReference } from '../../machine/facts/device-reference.ts';
import type { RecordedFacts } from '../../machine/facts/recorded-facts.ts';
import { asciiTable } from '../ascii-table.ts';
import { print, printJson, printLine, remark } from '../print.ts';
import { parseWords, unknownCommand } from './boot-words.ts';
import { settingsOfBoot } from './settings-of-boot.ts';
import { typedName } from './typed-name.ts';

/** `statectl btrfs`: subvolumes and snapshots of btrfs.conf. */
export async function btrfs(host: Host, [command = 'list', ...words]: readonly string[]): Promise<number> {
  const { values, positionals } = parseWords('btrfs', {
    args: [...words],
    options: { json: { type: 'boolean' }, yes: { type: 'string' } },
    allowPositionals: true,
  });
  if (command === 'list' && positionals.length === 0) return await list(host, values.json ?? false);
  if (command !== 'delete' && command !== 'rollback') throw unknownCommand('btrfs', command);
  const [filesystem, wanted, ...more] = positionals;
  if (filesystem === undefined || wanted === undefined || more.length > 0)
    throw new StatectlError('usage', `what is to be ${command === 'delete' ? 'deleted' : 'put back'}?`, {
      hint: `statectl btrfs ${command} FILESYSTEM SUBVOLUME/NUMBER, such as LABEL=user-data @home/12`,
    });
  const facts = await settingsOfBoot(host);
  const device = await deviceOf(host, facts, filesystem);
  const { name, snapshot } = partsOf(wanted);
  if (command === 'delete') {
    const named = entryOf(facts.config.btrfs, filesystem)?.subvolumes ?? {};
    if (snapshot === undefined && Object.hasOwn(named, name))
      throw new StatectlError('subvolume-named', `btrfs.conf names ${name}: the next boot would make it anew, empty`, {
        hint: `take ${name} out of btrfs.conf first`,
      });
    await typedName(wanted, values.yes);
    await deleteSubvolume(host, device, name, snapshot);
    printLine(`${wanted} of ${filesystem} is deleted`);
    return 0;
  }
  if (snapshot === undefined)
    throw new StatectlError('usage', `which snapshot of ${name}?`, { hint: '`statectl btrfs list` has their numbers' });
  await typedName(wanted, values.yes);
  const before = await rollBack(host, device, name, snapshot);
  printLine(`${name} of ${filesystem} is what its snapshot ${snapshot} has; what it was is its snapshot ${before}`);
  remark('where it is mounted it shows after the next boot');
  return 0;
}

/** `@home/12` is a snapshot of @home. */
function partsOf(text: string): { readonly name: string; readonly snapshot?: number } {
  const [, name, number] = /^(.+?)(?:\/([1-9]\d{0,14}))?$/.exec(text) ?? [];
  if (name === undefined || !/^@?[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/.test(name))
    throw new StatectlError('usage', `"${text}" is no name of a subvolume`);
  return { name, ...(number !== undefined && { snapshot: Number(number) }) };
}

async function deviceOf(host: Host, { config }: RecordedFacts, filesystem: string): Promise<string> {
  const known = Object.keys(config.btrfs);
  if (!known.includes(filesystem))
    throw new StatectlError('filesystem-unknown', `btrfs.conf has no file system ${filesystem}`, {
      hint: known.length > 0 ? `it has ${known.join(', ')}` : 'it has none: docs/guide/disks.md',
    });
  const block = await findDevice(host, parseDeviceReference(filesystem));
  if (block?.type === 'btrfs') return block.device;
  throw new StatectlError('device-missing', `${filesystem} is ${block ? `${block.type}, not btrfs` : 'not there'}`, {
    hint: 'see the disks with `blkid`',
  });
}

async function list(host: Host, json: boolean): Promise<number> {
  const facts = await settingsOfBoot(host);
  const rows = [];
  for (const [filesystem, { subvolumes }] of Object.entries(facts.config.btrfs)) {
    const device = await deviceOf(host, facts, filesystem);
    for (const found of await findSubvolumes(host, device, Object.keys(subvolumes)))
      rows.push({ filesystem, ...found, isNamed: Object.hasOwn(subvolumes, found.name) });
  }
  if (json) printJson(rows);
  else if (rows.length === 0) remark('btrfs.conf names no file system');
  else
    print(
      asciiTable([
        ['FILESYSTEM', 'SUBVOLUME', 'SNAPSHOTS', 'STATE'],
        ...rows.map(({ filesystem, name, snapshots, isThere, isNamed }) => [
          ...[filesystem, name, snapshots.join(' ') || '-'],
          isThere ? (isNamed ? '' : 'no longer named') : 'missing',
        ]),
      ]),
    );
  return 0;
}
