import { describe, expect, it } from 'vitest';
import { IdentityFile } from '../../../../src/config/schema/identity.ts';
import { UsersFile } from '../../../../src/config/schema/users.ts';
import { secretsFor } from '../../../../src/server/machines/secrets.ts';

const HASH = '$6$saltsalt$canaryhashcanaryhash';
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** What a node gets whose record names these, of a server that has those. */
const given = async (
  { secrets = {}, users = {} }: { readonly secrets?: object; readonly users?: object },
  has: Readonly<Record<string, string>>,
  proof: 'person' | 'earlier-key' | 'network' | undefined = 'person',
) => {
  const asked: string[] = [];
  const node = {
    node: 'print01',
    identity: IdentityFile.parse({ secrets }),
    users: UsersFile.parse({ users }).users,
  };
  const answer = await secretsFor(node, proof === undefined ? {} : { proof }, async (name) => {
    asked.push(name);
    if (has[name] === 'broken') throw new Error('it cannot be decrypted');
    return has[name] === undefined ? undefined : Buffer.from(has[name]);
  });
  return { ...answer, asked };
};

describe('the secrets of a node', () => {
  it('come with where they go and whose they are, as bytes', async () => {
    const secrets = {
      '/etc/one': { secret: 'secret:one', owner: 'klipper:900', credential: 'moonraker' },
      '/etc/two': { secret: 'secret:two' },
    };
    expect(await given({ secrets }, { one: 'ü\0', two: '2' })).toEqual({
      node: 'print01',
      secrets: [
        { path: '/etc/one', owner: 'klipper', group: '900', credential: 'moonraker', content: base64('ü\0') },
        { path: '/etc/two', owner: 'root', group: 'root', content: base64('2') },
      ],
      passwords: {},
      missing: {},
      asked: ['one', 'two'],
    });
  });

  it('that the server has not, or cannot read, are named, and keep back no other', async () => {
    const secrets = { '/a': { secret: 'secret:a' }, '/b': { secret: 'secret:b' }, '/c': { secret: 'secret:c' } };
    const { secrets: delivered, missing } = await given({ secrets }, { b: 'broken', c: 'canary' });
    expect(delivered.map(({ path }) => path)).toEqual(['/c']);
    expect(missing).toEqual({ '/a': 'the server has no secret:a', '/b': 'the server has no secret:b' });
  });

  it('go to who only showed its presence on the network where that is enough; of others nothing is read', async () => {
    const secrets = {
      '/near': { secret: 'secret:near', trust: 'network' },
      '/proven': { secret: 'secret:proven', trust: 'proven' },
      '/plain': { secret: 'secret:plain' },
    };
    const users = { ada: { password: 'secret:ada' } };
    const has = { near: '1', proven: '2', plain: '3', ada: HASH };
    const { secrets: delivered, missing, passwords, asked } = await given({ secrets, users }, has, 'network');
    expect([delivered.map(({ path }) => path), passwords, asked]).toEqual([['/near'], {}, ['near']]);
    expect(missing).toEqual({
      '/proven': 'it is for machines that were proven by an earlier key or a person',
      '/plain': 'it is for machines that were proven by an earlier key or a person',
      'the password of ada': 'the server gives no secret:ada',
    });
    for (const proof of ['person', 'earlier-key'] as const) {
      const all = await given({ secrets, users }, has, proof);
      expect(all.secrets.map(({ path }) => path)).toEqual(['/near', '/proven', '/plain']);
      expect(all.passwords).toEqual({ ada: HASH });
    }
  });
});

describe('the password of a user', () => {
  const ofAda = async (kept: string) => {
    const { passwords, missing } = await given({ users: { ada: { password: 'secret:ada' } } }, { ada: kept });
    return passwords.ada ?? missing['the password of ada'];
  };

  it.each([HASH, `  ${HASH}\n`, '$y$j9T$abcdefghij', '$2b$10$abcdefghij'])('is given as a hash: %j', async (kept) => {
    expect(await ofAda(kept)).toBe(kept.trim());
  });

  it.each([
    'correct horse',
    '',
    '$6$saltsalt$ha:sh:0:0',
    '$6$saltsalt$hash\nroot::0:0',
    '!$6$saltsalt$canaryhash',
    '$6$saltsalt!canaryhash',
    '$6$saltsalt*canaryhash',
    '$6$salt salt$canaryhash',
    '$6$shorthash',
    '$$saltsalt$canary',
    'x$6$saltsalt$canary',
  ])('is nothing else, which would be a password for all to read, or break shadow(5): %j', async (kept) => {
    expect(await ofAda(kept)).toBe('secret:ada is no hash of crypt(5)');
  });

  it('is not asked of the server where config.d names none, and told where it has none', async () => {
    const users = {
      ada: {},
      bob: { password: 'locked' },
      eve: { password: 'secret:eve' },
      joe: { password: 'secret:joe' },
    };
    const { passwords, missing, asked } = await given({ users }, { joe: 'broken' });
    expect([passwords, asked]).toEqual([{}, ['eve', 'joe']]);
    expect(missing).toEqual({
      'the password of eve': 'the server gives no secret:eve',
      'the password of joe': 'the server gives no secret:joe',
    });
  });
});
