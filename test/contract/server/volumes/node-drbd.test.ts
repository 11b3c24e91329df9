import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ManagementHost, managementHost, noManagementHost } from '../../../fixtures/state/management-host.ts';

const LONG_MS = 240_000;
const RESOURCE = 'voron2.4.database';

if (noManagementHost !== undefined) console.warn(`volumes are not tried here: ${noManagementHost}`);

/** Of a host, what a run must not change. */
const traces = (host: ManagementHost): string =>
  host.run(`losetup --noheadings --output NAME,BACK-FILE | grep ${host.state} || true
    blkid -p -o export -u filesystem ${host.state}/drbd/${RESOURCE}.img || true
    find ${host.folder}/drbd.d ${host.state}/drbd ${host.state}/state -type f -exec sha256sum {} + | sort`).stdout;

describe.skipIf(noManagementHost !== undefined)('a volume on its management host', () => {
  let host: ManagementHost;
  beforeAll(() => {
    host = managementHost();
  }, LONG_MS);
  afterAll(() => host?.[Symbol.dispose](), LONG_MS);

  it('is shown before anything is made, and its secret is in a file of mode 0600 alone', { timeout: LONG_MS }, () => {
    const shown = host.drbd('print07');
    expect(shown.stderr).toBe('');
    const file = join(host.state, 'drbd', `${RESOURCE}.res`);
    const [, mode, secret] =
      /^(\d+)\n[^]*shared-secret "([0-9a-f]+)"/.exec(host.run(`stat -c %a ${file}; cat ${file}`).stdout) ?? [];
    expect([mode, secret?.length]).toEqual(['600', 60]);
    for (const words of [[], ['--json'], ['--units']])
      expect(host.drbd('print07', ...words).stdout).not.toContain(secret);
    expect(shown.stdout).toContain('shared-secret "(left out)"');
    expect(shown.stdout).toContain('#   mkfs.ext4 ');
    expect(host.run(`ls ${host.state}/drbd /etc/drbd.d`).stdout).not.toContain('.img');
    expect(host.told()).toEqual([]);
    // What another account could read tells nothing.
    expect(host.run(`grep -rl ${secret} ${host.state} /etc/drbd.d || true`).stdout.trim()).toBe(file);
  });

  it('is refused where it cannot be, with what to do, and nothing is made', { timeout: LONG_MS }, () => {
    host.setModule('missing');
    const noModule = host.drbd('print07', '--apply');
    expect([noModule.status, noModule.stderr]).toEqual([1, expect.stringContaining('this kernel has no module drbd')]);
    host.setModule('8.4.11');
    host.run(`printf 'resource r0 { on a { device /dev/drbd100; address 10.0.0.1:7900; } }' > /etc/drbd.d/r0.res`);
    const taken = host.drbd('print07', '--apply').stderr;
    expect(taken).toMatch(/port 7900 is taken here; \/dev\/drbd100 belongs to another resource/);
    host.run(
      `rm /etc/drbd.d/r0.res; truncate -s 16M ${host.state}/drbd/${RESOURCE}.img; mkfs.ext4 -q -F ${host.state}/drbd/${RESOURCE}.img`,
    );
    const before = traces(host);
    expect(host.drbd('print07', '--apply').stderr).toMatch(/there is something else on .*: ext4/);
    expect(traces(host)).toBe(before);
    host.run(`rm ${host.state}/drbd/${RESOURCE}.img`);
    expect(host.drbd('print07', '--apply', '--device', '/dev/loop-control').stderr).toContain(
      'there is no /dev/loop-control',
    );
    expect(host.drbd('print07', '--address', '10.9.9.9').stderr).toContain('10.9.9.9 is no address of this host');
    expect(host.told()).toEqual([]);
  });

  it('is made once: file, file system, metadata, resource; a second run changes nothing', { timeout: LONG_MS }, () => {
    const made = host.drbd('print07', '--apply');
    expect([made.status, made.stdout]).toEqual([0, expect.stringContaining(`${RESOURCE}: made;`)]);
    expect(host.told()).toEqual([`adjust ${RESOURCE}`, `primary --force ${RESOURCE}`, `secondary ${RESOURCE}`]);
    const file = `/etc/drbd.d/statectl-${RESOURCE}.res`;
    expect(host.run(`stat -c %a ${file}`).stdout.trim()).toBe('600');
    const link = `/run/statectl/drbd/${RESOURCE}`;
    expect(host.run(`wipefs --no-act --noheadings --output TYPE ${link}`).stdout.split(/\s+/)).toEqual(
      expect.arrayContaining(['drbd', 'ext4']),
    );
    expect(host.run(`e2fsck -fn ${link}`).status).toBe(0);
    const before = traces(host);
    const again = host.drbd('print07', '--apply');
    expect(again.status).toBe(0);
    expect(host.told()).toEqual([`adjust ${RESOURCE}`]);
    expect(traces(host)).toBe(before);
  });

  it('has a resource that drbdadm of 9 reads as the one of 8.4 does', { timeout: LONG_MS }, () => {
    const dump = (program: string) => host.run(`${program} dump ${RESOURCE} 2>/dev/null`).stdout;
    const plain = (text: string) => text.replace(/^\s*node-id.*\n/gm, '').replace(/^#.*\n/gm, '');
    host.setModule('9.2.18');
    const nine = dump('/usr/sbin/drbdadm');
    host.setModule('8.4.11');
    expect(nine).toContain('node-id');
    expect(nine).toMatch(/on-congestion\s+pull-ahead;/);
    expect(plain(dump('/lib/drbd/drbdadm-84'))).toBe(plain(nine));
    const dryRun = readFileSync(join(host.folder, 'dry-run'), 'utf8');
    expect(dryRun).toMatch(/--protocol=A/);
    expect(dryRun).toContain('ipv4:192.168.7.1:7900 ipv4:192.168.7.107:7900');
    expect(dryRun).toMatch(/attach 100 \S+ \S+ internal .*--on-io-error=detach/);
  });

  it('is up again after a restart of the host with what it had, and with nothing declared', {
    timeout: LONG_MS,
  }, () => {
    const link = `/run/statectl/drbd/${RESOURCE}`;
    writeFileSync(join(host.folder, 'moonraker'), 'of the first boot\n');
    host.run(`debugfs -w -R 'write ${host.folder}/moonraker moonraker-sql.db' ${link}`);
    host.run(`losetup --detach "$(readlink ${link})"; rm -r /run/statectl`);
    const up = host.drbd('all', '--up');
    expect([up.status, up.stdout]).toEqual([0, expect.stringContaining(RESOURCE)]);
    expect(host.told()).toEqual([`adjust ${RESOURCE}`]);
    expect(host.run(`debugfs -R 'cat moonraker-sql.db' ${link} 2>/dev/null`).stdout).toBe('of the first boot\n');
    // Where its name alone is lost it is the same device, and no second one over the same file.
    const before = host.run(`readlink ${link}; rm ${link}`).stdout;
    expect(host.drbd('print07', '--apply').status).toBe(0);
    expect(host.run(`losetup --noheadings --output NAME --associated ${host.state}/drbd/${RESOURCE}.img`).stdout).toBe(
      before,
    );
    expect(host.run(`readlink ${link}`).stdout).toBe(before);
    host.told();
  });

  it('gets another address as config.d says, and stays what it is', { timeout: LONG_MS }, () => {
    host.writeNode('{ kind: drbd, printer: voron2.4, size: 32M, address: 192.168.7.9 }');
    const moved = host.drbd('print07', '--apply');
    expect(moved.stdout).toContain('keeps the 16777216 bytes that it was made with');
    expect(host.told()).toEqual([`adjust ${RESOURCE}`]);
    expect(host.run(`cat /etc/drbd.d/*.res`).stdout).toContain('address ipv4 192.168.7.9:7900');
    expect(host.drbd('print07', '--apply', '--volume-group', 'vg0').stderr).toContain('and stays there');
  });

  it('is copied while it is in use, the copy mounted read-only, and the live one as it was', {
    timeout: LONG_MS,
  }, () => {
    const image = `${host.state}/drbd/${RESOURCE}.img`;
    const digest = () => host.run(`sha256sum ${image}; stat -c %Y ${image}`).stdout;
    const before = digest();
    const copies = [1, 2].map(() => {
      const copied = host.drbd('print07', '--snapshots', '--json');
      expect(copied.stderr).toBe('');
      return (JSON.parse(copied.stdout) as readonly { readonly copy: string }[])[0]?.copy;
    });
    expect(digest()).toBe(before);
    const at = `${host.state}/drbd/copies/${RESOURCE}`;
    // Of one hour the newest stays.
    expect(host.run(`ls ${at}`).stdout.trim().split('\n')).toEqual([
      copies[1],
      `${copies[1]}.img`,
      `${copies[1]}.json`,
    ]);
    expect(host.run(`cat ${at}/${copies[1]}/moonraker-sql.db`).stdout).toBe('of the first boot\n');
    expect(host.run(`touch ${at}/${copies[1]}/x`).stderr).toContain('Read-only file system');
    expect(host.run(`grep ${copies[1]} /proc/self/mounts`).stdout).toMatch(/ro,nosuid,nodev,noexec/);
  });

  it('is in an export as the files of a copy, and in the list as it stands', { timeout: LONG_MS }, () => {
    const statectl = `${process.execPath} src/main.ts`;
    const out = `${host.folder}/out`;
    expect(host.run(`${statectl} printer export voron2.4 --out ${out} --state ${host.state}`).status).toBe(0);
    expect(readFileSync(`${out}/line/database/files/moonraker-sql.db`, 'utf8')).toBe('of the first boot\n');
    const told = JSON.parse(readFileSync(`${out}/line/database/volume.json`, 'utf8'));
    expect(told).toMatchObject({ resource: RESOURCE, node: 'print07', copy: expect.any(String) });
    expect(JSON.stringify(told)).not.toMatch(/[0-9a-f]{60}/);
    expect(statSync(`${out}/line/database/volume.json`).isFile()).toBe(true);
    const list = host.run(`${statectl} printer list --json --state ${host.state}`).stdout;
    expect(JSON.parse(list)[0].line[0]).toMatchObject({
      item: 'database',
      bytes: 16 << 20,
      kept: 1,
      standing: expect.stringContaining('no drbd'),
    });
  });

  it('goes over to DRBD 9 and back with what it has', { timeout: LONG_MS }, () => {
    const link = `/run/statectl/drbd/${RESOURCE}`;
    const state = () =>
      host.run(
        `blkid --probe --match-tag VERSION --output value ${link}; debugfs -R 'cat moonraker-sql.db' ${link} 2>/dev/null`,
      ).stdout;
    expect(state()).toBe('v08\nof the first boot\n');
    host.setModule('9.2.18');
    const shown = host.drbd('print07');
    expect([shown.stderr, shown.stdout]).toEqual(['', expect.stringContaining('auto-promote no;')]);
    expect(host.drbd('all', '--up').status).toBe(0);
    expect(state()).toBe('v09\nof the first boot\n');
    const nine = readFileSync(join(host.folder, 'dry-run'), 'utf8');
    // As its machine has them: of 0 and 1 the server is 0.
    expect(nine).toContain(`new-resource ${RESOURCE} 0 --auto-promote=no --quorum=off`);
    expect(nine).toMatch(/new-path \S+ 1 ipv4:192\.168\.7\.1:7900 ipv4:192\.168\.7\.9:7900/);
    expect(nine).toMatch(/peer-device-options .*--resync-rate=30M/);
    expect(host.drbd('all', '--up').stdout).not.toContain('create-md');
    host.setModule('8.4.11');
    expect(host.drbd('all', '--up').status).toBe(0);
    expect(state()).toBe('v08\nof the first boot\n');
    expect(host.told()).toEqual(Array.from({ length: 3 }, () => `adjust ${RESOURCE}`));
  });

  it('whose disk is gone or empty is never made anew', { timeout: LONG_MS }, () => {
    const image = `${host.state}/drbd/${RESOURCE}.img`;
    host.run(`mv ${image} ${image}.away`);
    expect(host.drbd('print07', '--apply').stderr).toContain('is not there: it was made');
    host.run(`truncate -s 16M ${image}`);
    expect(host.drbd('all', '--up').stderr).toContain('has lost its file system');
    host.run(`mv ${image}.away ${image}`);
    expect(host.told()).toEqual([]);
  });
});
