import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const mayMount = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;
const source = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);

/** Makes a folder to work in, as the next build does, and says how it ended. */
const NEXT_BUILD = `
import { linuxHost } from ${source('host/linux/host.ts')};
import { workFolder } from ${source('image/work-folder.ts')};
const host = { ...linuxHost(), console: { line: () => {} } };
const ended = await workFolder(host, process.argv[1]).then((folder) => folder[Symbol.asyncDispose](), (error) => error);
console.log(ended === undefined ? 'done' : ended.message + ' → ' + ended.hint);
`;

/** Runs a script in a mount namespace of its own, with a tmpfs at /mnt, `gone` a process that is no more, and `next_build`. */
const inNamespace = (script: string): string =>
  execFileSync(
    'unshare',
    [
      ...['-m', 'sh', '-euc'],
      `mount -t tmpfs tmpfs /mnt
       gone=$(sh -c 'echo $$')
       next_build() { "$NODE" --input-type=module --eval "$NEXT_BUILD" "$1"; }
       ${script}`,
    ],
    { encoding: 'utf8', env: { ...process.env, NODE: process.execPath, NEXT_BUILD } },
  ).trim();

test.skipIf(!mayMount)(
  'what a killed build left mounted is unmounted, and neither emptied nor taken from the machine',
  () => {
    const said = inNamespace(`
    mkdir -p /mnt/sys/sub "/mnt/an out/.lab.building-$gone/tree/proc" "/mnt/an out/.lab.building-$gone/tree/sys"
    mount -t tmpfs sys /mnt/sys
    mount --make-shared /mnt/sys
    mkdir /mnt/sys/sub
    mount -t tmpfs sub /mnt/sys/sub
    echo kept >/mnt/sys/file
    echo kept >/mnt/sys/sub/file
    tree="/mnt/an out/.lab.building-$gone/tree"
    mount --rbind /mnt/sys "$tree/sys"
    mount -t proc proc "$tree/proc"
    mount -t proc proc "$tree/proc"
    touch "$tree/null"
    mount --bind /mnt/sys/file "$tree/null"
    ln -s 'an out' /mnt/link
    next_build /mnt/link/lab
    ls -A '/mnt/an out' /mnt/sys /mnt/sys/sub
    grep -c ' /mnt/an' /proc/mounts || true`);
    expect(said.split('\n')).toEqual([
      'done',
      '/mnt/an out:',
      '',
      '/mnt/sys:',
      'file',
      'sub',
      '',
      '/mnt/sys/sub:',
      'file',
      '0',
    ]);
  },
);

test.skipIf(!mayMount)('what is still used there is left alone, and told', () => {
  const said = inNamespace(`
    tree=/mnt/.lab.building-$gone/tree
    mkdir -p $tree/proc
    mount -t tmpfs proc $tree/proc
    touch $tree/proc/file
    exec 3<$tree/proc/file
    next_build /mnt/lab
    ls $tree/proc`);
  expect(said).toMatch(/^umount failed: .*proc: target is busy\.? → end what .*: fuser -vm \/mnt\/\.lab.*proc\nfile$/);
});
