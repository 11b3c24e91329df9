import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PlaceReport } from '../../src/changes/changes.ts';

/** Mounts an overlay on var, a ramdisk on etc, a tmpfs on tmp and an overlay that renames by redirect on opt; edits them alike. */
const MOUNT_AND_EDIT = `
set -e
mount -t tmpfs tmpfs "$ROOT"
cd "$ROOT"
mkdir -p image/var image/opt/dir upper work var etc tmp opt
cd image/var
mkdir tree remade remade/sub rendir tofile mode.d tmp
for name in keep edit touch gone mode owner ren todir tree/one tree/two remade/a remade/b remade/sub/c rendir/f tofile/in big; do
  echo "$name" >$name
done
ln -s edit link
ln -s edit samelink
head -c 3000000 /dev/zero >big
cd "$ROOT"
cp -a image/var image/etc
overlay() {
  mkdir -p upper/$1 work/$1
  mount -t overlay overlay -o lowerdir=$ROOT/image/$1,upperdir=$ROOT/upper/$1,workdir=$ROOT/work/$1,index=off,xino=off,$2 $1
}
overlay var redirect_dir=off,metacopy=off
overlay opt redirect_dir=on,metacopy=on
mount -t tmpfs -o mode=755 ramdisk etc
cp -a image/etc/. etc/
mount -t tmpfs tmpfs tmp

edit() (
  cd $1
  mount -t tmpfs tmpfs tmp
  echo elsewhere >tmp/file
  echo new >new
  mkdir dir
  echo new >'dir/a b
\\c'
  echo EDIT >edit
  touch touch big
  rm gone
  chmod 600 mode
  chown 1:1 owner
  chmod 700 mode.d
  rm -r tree
  rm -r remade
  mkdir -p remade/sub
  echo remade/a >remade/a
  mv ren renamed
  mv rendir renameddir
  ln -sfn keep link
  ln -sfn edit samelink
  ln keep hard
  echo linked >link1
  ln link1 link2
  rm todir
  mkdir todir
  echo in >todir/in
  rm -r tofile
  echo file >tofile
  mkfifo fifo
)
edit var
edit etc
mv opt/dir opt/renamed
echo 12345 >tmp/one
ln tmp/one tmp/two
exec "$NODE" --input-type=module --eval "$SCAN"
`;

const source = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

/** Prints the reports as JSON: as the running system scans, without getfattr, and of the upper alone. */
const SCAN = `
import { scanPlaces } from ${source('changes/changes.ts')};
import { parseMountInfo } from ${source('host/kernel/mount-table.ts')};
import { linuxHost } from ${source('host/linux/host.ts')};
const root = process.env.ROOT;
const host = linuxHost();
const noGetfattr = async (argv, options) => {
  if (argv[0] === 'getfattr') throw new Error('no getfattr');
  return host.exec.run(argv, options);
};
const mountPoints = parseMountInfo(await host.files.readText('/proc/self/mountinfo')).map((mount) => mount.mountPoint);
const at = (name) => ({ mountPoint: root + '/' + name, persistent: false });
const overlay = (name) => ({ ...at(name), kind: 'overlay', upper: root + '/upper/' + name, lower: root + '/image/' + name });
const places = [overlay('var'), { ...at('etc'), kind: 'ramdisk', image: root + '/image/etc' }, { ...at('tmp'), kind: 'tmpfs' }];
const refused = await scanPlaces(host, [overlay('opt')], { mountPoints }).then(() => undefined, (error) => error.code);
console.log(JSON.stringify({
  reports: await scanPlaces(host, places, { mountPoints }),
  withoutXattrs: await scanPlaces({ files: host.files, exec: { run: noGetfattr } }, places, { mountPoints }),
  unmounted: await scanPlaces(host, [overlay('var')], { excludes: [root + '/var/tmp'] }),
  refused,
}));
`;

interface Scans {
  readonly reports: readonly PlaceReport[];
  readonly withoutXattrs: readonly PlaceReport[];
  readonly unmounted: readonly PlaceReport[];
  readonly refused?: string;
}

const mayMount = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;
const hasGetfattr = spawnSync('getfattr', ['--version']).status === 0;
const root = mayMount ? mkdtempSync(join(tmpdir(), 'statectl-changes-')) : '';

const linesOf = (report?: PlaceReport) =>
  report?.changes.map(({ path, change, what, sizeBytes }) => {
    const name = path.slice(report.place.mountPoint.length + 1);
    return `${change} ${what} ${name} ${sizeBytes}`;
  });

const EXPECTED = [
  'added dir dir 0',
  'added file dir/a b\n\\c 4',
  'changed file edit 5',
  'added special fifo 0',
  'deleted file gone 5',
  'added file hard 5',
  'changed symlink link 4',
  'added file link1 7',
  'added file link2 0',
  'changed file mode 5',
  'changed dir mode.d 0',
  'added file new 4',
  'changed file owner 6',
  'deleted file remade/b 9',
  'deleted file remade/sub/c 13',
  'deleted file ren 4',
  'added file renamed 4',
  'added dir renameddir 0',
  'added file renameddir/f 9',
  'deleted dir rendir 0',
  'deleted file rendir/f 9',
  'changed dir todir 0',
  'added file todir/in 3',
  'changed file tofile 5',
  'deleted file tofile/in 10',
  'deleted dir tree 0',
  'deleted file tree/one 9',
  'deleted file tree/two 9',
];

describe('changes on the real kernel', () => {
  let scans: Scans;

  beforeAll(() => {
    if (!mayMount) return;
    const env = { ...process.env, ROOT: root, NODE: process.execPath, SCAN };
    const result = spawnSync('unshare', ['-m', 'sh', '-c', MOUNT_AND_EDIT], { env, encoding: 'utf8' });
    rmdirSync(root);
    if (result.status !== 0) throw new Error(result.stderr);
    scans = JSON.parse(result.stdout) as Scans;
  });

  beforeEach((context) => {
    if (!mayMount) context.skip('needs root and a mount namespace of its own (unshare -m)');
  });

  test('finds every edit of an overlay, and nothing that was only touched or copied up', () => {
    expect(linesOf(scans.reports[0])).toEqual(EXPECTED);
    expect(scans.reports[0]?.totals).toEqual({ added: 11, changed: 7, deleted: 10, bytes: 61 });
  });

  test('finds the same edits of a ramdisk', () => {
    expect(linesOf(scans.reports[1])).toEqual(EXPECTED);
    expect(scans.reports[1]?.limits).toEqual([]);
  });

  test('counts the files of a plain tmpfs, hard links once', () => {
    expect(scans.reports[2]?.totals).toEqual({ added: 1, changed: 0, deleted: 0, bytes: 6 });
  });

  test('names the link that holds the bytes of a file with two', () => {
    const link2 = scans.reports[0]?.changes.find(({ path }) => path.endsWith('/link2'));
    expect(link2?.sameFileAs).toBe(`${root}/var/link1`);
  });

  test('needs no getfattr while the overlay is mounted', () => {
    expect(linesOf(scans.withoutXattrs[0])).toEqual(EXPECTED);
    expect(scans.withoutXattrs[0]?.limits).toEqual(['xattrs: unread (no getfattr)']);
  });

  test('reads an upper that is not mounted by its marks', (context) => {
    if (!hasGetfattr) context.skip('needs getfattr (Debian package attr)');
    expect(linesOf(scans.unmounted[0])).toEqual(EXPECTED);
    expect(scans.unmounted[0]?.limits).toEqual([]);
  });

  test('refuses an upper with renamed directories that point into the image', (context) => {
    if (!hasGetfattr) context.skip('needs getfattr (Debian package attr)');
    expect(scans.refused).toBe('overlay-not-plain');
  });
});
