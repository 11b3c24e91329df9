import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canBeTwo, PERSON, type People, twoPeople } from '../../fixtures/state/two-people.ts';

/** What `npm` and `dpkg-query` do here: packages are installed in an instant, and two of Debian's are missing. */
const PROGRAMS = {
  npm: 'echo "$@" >>"$HOME/npm-ran"; mkdir -p node_modules/a; touch node_modules/a/b',
  'dpkg-query': 'case $4 in swtpm | icu-devtools) exit 1 ;; *) printf installed ;; esac',
};

let dir: string;
let people: People;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-setup-'));
  mkdirSync(join(dir, 'bin'));
  for (const [name, text] of Object.entries(PROGRAMS)) {
    writeFileSync(join(dir, 'bin', name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(dir, 'bin', name), 0o755);
  }
  people = twoPeople(dir, join(dir, 'bin'));
  const { status, stderr } = people.person(
    `mkdir -p clone/build && cp ${people.checkout}/package-lock.json clone && cp ${people.checkout}/build/*.sh ${people.checkout}/build/debian-packages* clone/build`,
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
afterEach(() => rmSync(dir, { recursive: true }));

const clone = () => join(dir, 'clone');
const ownerOf = (path: string): number => statSync(join(clone(), path)).uid;

describe.skipIf(!canBeTwo)('a fresh clone', () => {
  it('says to who is not root, before anything else, that root is needed, and all that is missing', () => {
    const { status, stderr } = people.person('npm_lifecycle_event=prestart sh build/setup.sh', clone());
    expect(status).toBe(1);
    expect(stderr).toMatch(/needs root, and you are nobody\n→ sudo npm start\n/);
    expect(stderr).toContain('apt-get install -y --no-install-recommends icu-devtools swtpm\n');
    // Nothing that only tests need is installed to see a machine boot.
    const start = people.person('npm_lifecycle_event=prestart sh build/setup.sh --start', clone());
    expect(start.stderr).toContain('apt-get install -y --no-install-recommends icu-devtools\n');
    expect(existsSync(join(dir, 'npm-ran'))).toBe(false);
    expect(existsSync(join(clone(), 'node_modules'))).toBe(false);
  });

  it('needs no root for the unit tests; of Debian only what the binary is made with', () => {
    expect(people.person('sh build/setup.sh --npm', clone()).status).toBe(0);
    const { status, stderr } = people.person(
      'npm_lifecycle_event=prebuild sh build/setup.sh --npm binutils icu-devtools',
      clone(),
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^setup: Debian packages are missing; sudo npm run build installs them.*\n→ .* icu-devtools\n$/,
    );
  });

  it.each(['true', 'false', 'kill -INT $$'])(
    'is the person’s own again after sudo, also when it ends by `%s`',
    (end) => {
      const { status } = people.sudo(
        `sh build/give-back.sh sh -c 'npm ci; mkdir -p dist .cache/keys .cache/x-tree keys; touch keys/image.key .cache/keys/k .cache/x-tree/t; ln -s /etc/passwd dist/link; ${end}'`,
        clone(),
      );
      expect(status === 0).toBe(end === 'true');
      for (const path of ['node_modules', 'node_modules/a/b', 'dist', '.cache', '.cache/keys/k', 'keys/image.key'])
        expect(ownerOf(path), path).toBe(PERSON.uid);
      // A tree of a system keeps its owners; nothing is given away through a link.
      expect(ownerOf('.cache/x-tree/t')).toBe(0);
      expect(statSync('/etc/passwd').uid).toBe(0);
      expect(people.person('sh build/setup.sh --npm && touch node_modules/a/b', clone()).status).toBe(0);
    },
  );

  it.each([
    ['of nobody', 'true', 'gone'],
    ['of a run that was killed', "printf '#!/bin/sh\\n# statectl: killed\\n' >/usr/sbin/policy-rc.d", 'gone'],
    ['of somebody else', "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d", 'there'],
  ])('installs what is missing, and starts no service of it, where a policy is there %s', (_, before, after) => {
    const apt = '#!/bin/sh\necho "$*: $(sh /usr/sbin/policy-rc.d; echo $?)" >>"$HOME/apt-ran"\n';
    writeFileSync(join(dir, 'bin/apt-get'), apt, { mode: 0o755 });
    const { status, stdout, stderr } = people.sudo(
      `mount -t tmpfs tmpfs /usr/sbin; ${before}; sh build/setup.sh; test -e /usr/sbin/policy-rc.d && echo there || echo gone`,
      clone(),
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.trim().split('\n').at(-1)).toBe(after);
    expect(readFileSync(join(dir, 'apt-ran'), 'utf8')).toBe(
      'update -qq: 101\ninstall -qq -y --no-install-recommends icu-devtools swtpm: 101\n',
    );
  });

  it('says whose files are in the way when root itself built here, and what to do', () => {
    mkdirSync(join(clone(), 'dist'));
    writeFileSync(join(clone(), 'dist/statectl'), '');
    const { status, stderr } = people.person('sh build/setup.sh --npm', clone());
    expect(status).toBe(1);
    expect(stderr).toBe(
      'setup: dist is not yours: an earlier run by root, without sudo, left it\n→ sudo chown -R 65534:65534 dist\n',
    );
  });

  it('runs every script of package.json so that nothing of root’s stays', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    for (const [name, script] of Object.entries(scripts))
      if (/setup\.sh|start\.ts|test\.ts|bench|build binary/.test(script))
        expect(script, name).toMatch(/^sh build\/give-back\.sh /);
  });
});
