import { describe, expect, it } from 'vitest';
import { dropAccounts } from '../../../../src/agent/apply/drop-accounts.ts';
import type { Config } from '../../../../src/config/config.ts';
import type { AccountFiles } from '../../../../src/machine/accounts/account-files.ts';

type Wishes = Config['users'];
const NONE: Wishes = { users: {}, groups: {} };
const user = (changes: Partial<Wishes['users'][string]> = {}) => ({
  groups: [],
  authorizedKeys: [],
  sudo: false,
  ...changes,
});
const IMAGE: AccountFiles = {
  passwd: 'root:x:0:0::/root:/bin/sh\nklipper:x:998:998:Klipper:/k:/bin/sh\n',
  group: 'root:x:0:\ndialout:x:20:klipper\nklipper:x:998:\n',
  shadow: 'root:*:1::::::\nklipper:!:1::::::\n',
};
const LIVE: AccountFiles = {
  passwd: `${IMAGE.passwd}mia:x:1000:1000::/home/mia:/bin/zsh\nsystemd-new:x:990:990::/:/bin/false\n`,
  group: 'root:x:0:\ndialout:x:20:klipper,mia\nklipper:x:998:\nmia:x:1000:\nlab:x:4000:mia\nsystemd-new:x:990:\n',
  shadow: `${IMAGE.shadow}mia:$6$hash:1::::::\n`,
};
const BEFORE: Wishes = { users: { mia: user({ groups: ['dialout', 'lab'], shell: '/bin/zsh' }) }, groups: { lab: {} } };

describe('accounts that config.d says no longer', () => {
  it('go with their groups, memberships and passwords; what a package made stays', () => {
    expect(dropAccounts(LIVE, IMAGE, BEFORE, NONE)).toEqual({
      passwd: `${IMAGE.passwd}systemd-new:x:990:990::/:/bin/false\n`,
      group: `${IMAGE.group}systemd-new:x:990:\n`,
      shadow: IMAGE.shadow,
    });
  });

  it('are as the image has them where it has them', () => {
    const live = { ...IMAGE, passwd: IMAGE.passwd.replace('Klipper:/k:/bin/sh', 'Ours:/home/k:/bin/zsh') };
    const before = { users: { klipper: user({ groups: ['dialout'], comment: 'Ours' }) }, groups: {} };
    expect(dropAccounts(live, IMAGE, before, NONE)).toEqual(IMAGE);
  });

  it('keep their number and group while config.d names them, and lose what it says no more', () => {
    const now = { users: { mia: user({ groups: ['lab'] }) }, groups: { lab: {} } };
    const { passwd, group } = dropAccounts(LIVE, IMAGE, BEFORE, now);
    expect(passwd).toContain('\nmia:x:1000:1000::/home/mia:/bin/bash\n');
    expect(group).toContain('\ndialout:x:20:klipper\n');
    expect(group).toContain('\nlab:x:4000:mia\n');
  });

  it('leave a group that somebody else still has as primary', () => {
    const live = { ...LIVE, passwd: `${LIVE.passwd}tom:x:1001:4000::/home/tom:/bin/sh\n` };
    expect(dropAccounts(live, IMAGE, BEFORE, NONE).group).toContain('\nlab:x:4000:\n');
  });

  it('may be there by half: what was begun is taken back', () => {
    const half = { ...IMAGE, passwd: `${IMAGE.passwd}ben:x:1000:1000::/home/ben:/bin/sh\n` };
    const begun = { users: { ben: user() }, groups: {} };
    expect(dropAccounts(half, IMAGE, NONE, begun, begun)).toEqual(IMAGE);
  });
});
