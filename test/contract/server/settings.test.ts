import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock, Exec } from '../../../src/host/host.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { createApp } from '../../../src/server/app.ts';
import { parseSelector } from '../../../src/server/images/selector.ts';
import { useImage } from '../../../src/server/images/uses.ts';
import { type SettingsEvent, servedSettings } from '../../../src/server/settings.ts';
import { HANG_MS } from '../../fixtures/hang.ts';
import { temporaryStore } from '../../fixtures/server/temporary-store.ts';

let dir: string;
let uptimeMs = 0;
let told: SettingsEvent[] = [];
const MAC = '52:54:00:12:34:01';
const OTHER = '52:54:00:12:34:02';
const put = (name: string, text: string) => writeFileSync(join(dir, name), text);
const later = () => {
  uptimeMs += 2_000;
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-served-'));
  told = [];
  cpSync('config.d', dir, { recursive: true });
  put('nodes/print01.conf', `match: { mac: "${MAC}" }\nmetadata: { room: B12 }\nset: { etc: { templates: [motd] } }\n`);
  put('templates/motd', '---\npath: /etc/motd\n---\n{{ metadata.room }}\n');
  put('templates/metadata.env', '---\nkind: env\npublic: true\n---\n{{ metadata | env }}');
  put('templates/secret.env', '---\nkind: env\n---\n{{ metadata | env }}');
});
afterEach(() => rmSync(dir, { recursive: true }));

const served = () => {
  const host = linuxHost();
  const clock = { ...host.clock, uptimeMs: () => uptimeMs };
  return servedSettings({ ...host, clock }, dir, (event) => told.push(event));
};
const machine = { macs: [MAC], labels: {} };

describe('what a server makes of config.d', () => {
  it('names what no certificate may have, also where an older version took config.d as good', async () => {
    const { renderNode } = served();
    await renderNode(machine);
    put('nodes/print02.conf', `match: { mac: "${OTHER}" }\nset: { identity: { names: [PRINT01] } }\n`);
    const git = (...words: readonly string[]) =>
      execFileSync('git', ['-C', dir, '-c', 'user.name=a', '-c', 'user.email=a@b', ...words]);
    git('add', '.');
    git('commit', '-q', '-m', 'an older version');
    git('update-ref', 'refs/statectl/checked', 'HEAD');
    const { nodes } = served();
    expect((await nodes.ofNode('print02'))?.nameFault).toBe(
      'PRINT01 is the name of another node (nodes/print01.conf): no other can have it',
    );
  });

  it('is what `node render` says, of the last commit that was checked', async () => {
    const { renderNode } = served();
    expect(await renderNode(machine)).toMatchObject({
      node: 'print01',
      files: [{ path: '/etc/motd', content: 'B12\n' }],
    });
    expect(told).toMatchObject([{ state: 'served', faults: [] }]);
  });

  it('follows an edit, and not a faulty one, which it tells once', async () => {
    const { renderNode } = served();
    await renderNode(machine);
    put('templates/motd', '---\npath: /etc/motd\n---\n{{ metadata.rom }}\n');
    for (const _ of [1, 2]) {
      later();
      expect((await renderNode(machine)).files[0]?.content).toBe('B12\n');
    }
    put('templates/motd', '---\npath: /etc/motd\n---\nnew\n');
    later();
    expect((await renderNode(machine)).files[0]?.content).toBe('new\n');
    expect(told.map(({ state }) => state)).toEqual(['served', 'faulty', 'served']);
    expect(told[1]?.faults).toEqual([expect.stringMatching(/^templates\/motd:4:\d+ .*did you mean "room"\?/)]);
  });

  it('goes on for the others when the file of one node is broken', async () => {
    put(
      'nodes/print02.conf',
      `match: { mac: "${OTHER}" }\nmetadata: { room: A1 }\nset: { etc: { templates: [motd] } }\n`,
    );
    const { renderNode } = served();
    const roomOf = async (mac: string) => (await renderNode({ macs: [mac], labels: {} })).files[0]?.content;
    expect([await roomOf(MAC), await roomOf(OTHER)]).toEqual(['B12\n', 'A1\n']);
    put(
      'nodes/print02.conf',
      `match: { mac: "${OTHER}" }\nmetadata: { room: A2 }\nset: { etc: { tmplates: [motd] } }\n`,
    );
    put(
      'nodes/print01.conf',
      `match: { mac: "${MAC}" }\nmetadata: { room: B13 }\nset: { etc: { templates: [motd] } }\n`,
    );
    later();
    expect([await roomOf(MAC), await roomOf(OTHER)]).toEqual(['B13\n', 'A1\n']);
    expect(told.map(({ state }) => state)).toEqual(['served', 'faulty', 'served']);
    expect(told[1]?.faults).toEqual([expect.stringMatching(/^nodes\/print02\.conf:3:/)]);
  });

  it('begins without the nodes whose files are broken, and gives those machines nothing', async () => {
    put('nodes/print02.conf', `match: { mac: "${OTHER}" }\nset: { etc: { templates: [nothing] } }\n`);
    put('nodes/print03.conf', 'match: {\n');
    const { renderNode } = served();
    expect((await renderNode(machine)).files[0]?.content).toBe('B12\n');
    await expect(renderNode({ macs: [OTHER], labels: {} })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('no template "nothing"'),
    });
  });

  it('holds back with a group at fault the new nodes that need it', async () => {
    const { renderNode } = served();
    await renderNode(machine);
    put('nodes/group.conf', 'group: lab\nset: { nonsense: {} }\n');
    put('nodes/print02.conf', `match: { mac: "${OTHER}" }\ngroups: [lab]\n`);
    later();
    expect((await renderNode(machine)).files[0]?.content).toBe('B12\n');
    await expect(renderNode({ macs: [OTHER], labels: {} })).rejects.toMatchObject({ code: 'config-invalid' });
    put('nodes/group.conf', 'group: lab\n');
    later();
    expect((await renderNode({ macs: [OTHER], labels: {} })).node).toBe('print02');
  });

  it.each([
    ['the lock of another git', '.git/index.lock', /index\.lock/],
    ['a lock on the branch', '.git/refs/heads/main.lock', /main\.lock/],
  ])('stays as it was behind %s, which is told once and in the status', async (_title, lock, words) => {
    const settings = served();
    await using temporary = await temporaryStore();
    const app = createApp({
      store: temporary.store,
      clock: linuxHost().clock,
      log: () => {},
      troubles: settings.troubles,
    });
    const troubles = async () => {
      later();
      await settings.revision();
      return (await app.inject('/v1/status')).json().trouble;
    };
    expect(await troubles()).toBeUndefined();
    put(lock, '');
    put('templates/motd', '---\npath: /etc/motd\n---\nnew\n');
    for (const _ of [1, 2]) {
      expect(await troubles()).toEqual([expect.stringContaining('not taken up')]);
      expect((await settings.renderNode(machine)).files[0]?.content).toBe('B12\n');
    }
    expect(told.map(({ state }) => state)).toEqual(['served', 'stuck']);
    expect(told[1]?.faults).toEqual([expect.stringMatching(words)]);
    rmSync(join(dir, lock));
    expect(await troubles()).toBeUndefined();
    expect((await settings.renderNode(machine)).files[0]?.content).toBe('new\n');
    await app.close();
  });

  it('is nothing where config.d was never good, and the reason is said', async () => {
    put('controller/rescue.conf', 'nonsense: 1\n');
    const { renderNode } = served();
    // Also who asks again at once.
    for (const _ of [1, 2])
      await expect(renderNode(machine)).rejects.toMatchObject({
        code: 'config-faulty',
        message: expect.stringContaining('controller/rescue.conf:1:1'),
      });
  });

  it('is waited for until the files were looked at for 10 s, and not again by the next who ask', async () => {
    const host = linuxHost();
    const waits: number[] = [];
    const hanging = Promise.withResolvers<void>();
    const clock: Clock = {
      ...host.clock,
      uptimeMs: () => uptimeMs,
      sleep: async (ms) => {
        waits.push(ms);
        uptimeMs += ms;
      },
    };
    let isSlow = false;
    const exec: Exec = {
      ...host.exec,
      run: async (...said: Parameters<Exec['run']>) => {
        if (isSlow) await hanging.promise;
        return host.exec.run(...said);
      },
    };
    const settings = servedSettings({ ...host, clock, exec }, dir, (event) => told.push(event));
    const first = await settings.revision();
    waits.length = 0;
    isSlow = true;
    put('templates/motd', '---\npath: /etc/motd\n---\nnew\n');
    later();
    for (const _ of [1, 2, 3]) expect(await settings.revision()).toBe(first);
    expect(waits).toEqual([10_000]);
    hanging.resolve();
    await vi.waitFor(() => expect(told).toMatchObject([{ revision: first }, { files: ['templates/motd'] }]), HANG_MS);
    expect(await settings.revision()).toBe(told[1]?.revision);
  });

  it('looks at the files once, however many ask at once', async () => {
    const { renderNode } = served();
    await Promise.all(Array.from({ length: 50 }, () => renderNode(machine)));
    expect(told).toHaveLength(1);
  });
});

describe('what a machine boots', () => {
  const boots = async (boot: string, use: readonly (readonly [string, string?])[] = [['lab']]) => {
    put('controller/cboot.conf', boot);
    await using temporary = await temporaryStore();
    for (const version of ['1', '2']) await temporary.add({ version });
    for (const [image, selector] of use)
      await useImage(temporary.store, image, selector === undefined ? undefined : parseSelector(selector));
    const { bootSettings } = served();
    const app = createApp({ store: temporary.store, clock: linuxHost().clock, log: () => undefined, bootSettings });
    const script = (await app.inject({ url: `/v1/ipxe?mac=${MAC}` })).body;
    const { image, version } = (await app.inject({ url: `/v1/boot?mac=${MAC}` })).json<Record<string, string>>();
    const words = /^kernel .*$/m.exec(script)?.[0].split(' ') ?? [];
    return { script, words, image: image && `${image}@${version}` };
  };

  it('has the kernel arguments of config.d behind the server’s own', async () => {
    const { words } = await boots('arguments: [isolcpus=2-3, quiet]\n');
    expect(words.slice(words.indexOf('console=tty0'), -3)).toEqual(['console=tty0', 'isolcpus=2-3', 'quiet']);
  });

  it('is the image of config.d, whatever is chosen on the server', async () => {
    const { words, image } = await boots('image: lab@1\n', [['lab@2'], ['lab@2', `mac=${MAC}`]]);
    expect(image).toBe('lab@1');
    expect(words).toContain('statectl.image=lab@1');
  });

  it('is what its channel means on this server', async () => {
    expect((await boots('channel: stable\n', [['lab@2'], ['lab@1', 'channel=stable']])).image).toBe('lab@1');
    const { script } = await boots('channel: stable\n');
    expect(script).toContain('statectl image use NAME --for channel=stable');
  });

  it('may come from any server of config.d, and from the one that answered', async () => {
    put('controller/cserver.info.conf', 'servers: [http://a.lab:8080, http://b.lab:8080]\n');
    expect((await boots('image: lab@1\n')).words).toContain(
      'statectl.server=http://a.lab:8080,http://b.lab:8080,http://localhost:80',
    );
  });

  it('is the kernel of config.d with its initrds and arguments alone, also where there is no image', async () => {
    const said =
      'kernel: http://c.lab/k\ninitrd: [http://c.lab/a.img, tftp://c.lab/b.img]\narguments: [first_boot=1, quiet]\n';
    for (const use of [[], [['lab@2']]] as const) {
      const { script } = await boots(said, use);
      expect(script.match(/^(kernel|initrd|boot) .*$/gm)).toEqual([
        'kernel --name kernel http://c.lab/k initrd=initrd0 initrd=initrd1 first_boot=1 quiet || goto failed',
        'initrd --name initrd0 http://c.lab/a.img || goto failed',
        'initrd --name initrd1 tftp://c.lab/b.img || goto failed',
        'boot || goto failed',
      ]);
    }
    const { script } = await boots('kernel: https://c.lab/memtest.efi\n');
    expect(script).toMatch(/^kernel --name kernel https:\/\/c\.lab\/memtest\.efi \|\| goto failed\nboot /m);
    expect(script).toMatch(/^echo statectl: https:\/\/c\.lab\/memtest\.efi did not start, iPXE says: \$\{errno\}$/m);
    expect(script).toContain('chain --replace');
  });

  it('is chosen on the server where two node files claim it', async () => {
    put('nodes/again.conf', `match: { mac: ${MAC} }\n`);
    expect((await boots('image: lab@1\n', [['lab@2']])).image).toBe('lab@2');
  });
});

describe('a template that is served by its name', () => {
  const ask = async (url: string) => {
    await using temporary = await temporaryStore();
    const { renderPublic } = served();
    const app = createApp({ store: temporary.store, clock: linuxHost().clock, log: () => undefined, renderPublic });
    return app.inject(url);
  };

  it('is rendered for the machine that asks', async () => {
    const answer = await ask(`/v1/templates/metadata.env?mac=${MAC}`);
    expect([answer.statusCode, answer.body.trim()]).toEqual([200, expect.stringMatching(/^ROOM="?B12"?$/)]);
  });

  it.each(['secret.env', 'motd', 'nothing', '../system/etc.conf', '%2e%2e/system/etc.conf', 'constructor'])(
    'is not %s, which is not for everybody',
    async (name) => {
      const answer = await ask(`/v1/templates/${name}?mac=${MAC}`);
      expect(answer.statusCode).toBe(404);
      expect(answer.body).not.toContain('B12');
    },
  );
});
