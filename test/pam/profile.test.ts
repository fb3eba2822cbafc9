/**
 * packaging/pam-configs, made into a session stack by pam-auth-update(8) itself. What is promised is what the stack does:
 * everybody else logs in whatever becomes of guestd, and no guest ever does without a view.
 *
 * A guest in the view jumps over the second line. "Not a guest" does not jump: everybody else passes the second line too,
 * which stops a guest where the module is missing or looks for another group. And pam_close_session() replays the jumps of
 * the opening; upstream's libpam (not Debian's, see its patch 045_pam_dispatch_jump_is_ignore) counts a jump then as if its
 * module were required, so that PAM_IGNORE with a jump would become the result of everybody else's logout.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeModule, type Fixture } from './fixture.ts';
import { type Hook, repository } from './host.ts';
import { refused } from './scripted_guestd.ts';
import { accounts, type World } from './world.ts';

/** The debconf database is the only thing that --root does not move. */
const script = `
mount -t tmpfs tmpfs /mnt
cp -a /var/cache/debconf /mnt/debconf
mount --bind /mnt/debconf /var/cache/debconf
mkdir -p /mnt/etc/pam.d /mnt/var/lib
cp -a /etc/pam.d/common-* /mnt/etc/pam.d
cp -a /var/lib/pam /mnt/var/lib
cp -a "$1/usr" /mnt
DEBIAN_FRONTEND=noninteractive pam-auth-update --root /mnt --package
grep ^session "/mnt/etc/pam.d/$2"
`;

/** The session lines of a machine with our profile and pam_unix's. */
function sessionLines(world: World, file = 'common-session'): string[] {
  const profiles = join(world.directory, 'usr/share/pam-configs');
  mkdirSync(profiles, { recursive: true });
  copyFileSync('/usr/share/pam-configs/unix', join(profiles, 'unix'));
  copyFileSync(join(repository, 'packaging/pam-configs'), join(profiles, 'guestd'));
  const [enter = '', ...rest] = world.enter;
  const line = ['unshare', '-m', '--propagation', 'private', 'sh', '-euc', script, 'sh', world.directory, file];
  const text = execFileSync(enter, [...rest, ...line], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return text.trim().split('\n').map((entry) => entry.replace(/^session\s+/, ''));
}

async function openAndClose(at: Fixture, user: string, module: string, stack = sessionLines(at.world)) {
  const replaced = stack.map((entry) => entry.replace(/pam_guest\.so/, module));
  const hooks = await at.run(['open', 'close'], { user, stack: replaced });
  return hooks.map((hook: Hook) => hook.result);
}

const missing = '/nonexistent/pam_guest.so';
const success = ['PAM_SUCCESS', 'PAM_SUCCESS'];

describeModule('The session stack of a machine with guestd', (at) => {
  it.each(['common-session', 'common-session-noninteractive'])('has pam_guest before pam_unix in %s', (file) => {
    const lines = sessionLines(at.world, file);
    const place = (module: string) => lines.findIndex((entry) => entry.includes(module));
    expect(place('pam_guest.so')).toBeGreaterThan(0);
    expect(place('pam_succeed_if.so')).toBe(place('pam_guest.so') + 1);
    expect(place('pam_unix.so')).toBeGreaterThan(place('pam_succeed_if.so'));
  });

  it.each([accounts.byPrimaryGroup, accounts.byMembership])('lets in the guest %s, whom guestd admits', async (user) => {
    expect(await openAndClose(at, user, at.build.module)).toEqual(success);
  });

  it.each([accounts.byPrimaryGroup, accounts.byMembership])('stops the guest %s, whom guestd refuses', async (user) => {
    at.guestd.answer = refused('No more guests today.');
    expect((await openAndClose(at, user, at.build.module))[0]).toBe('PAM_SESSION_ERR');
  });

  it.each(['root', accounts.outsider, 'nobody-of-this-name'])('lets in %s, and lets go again', async (user) => {
    expect(await openAndClose(at, user, at.build.module)).toEqual(success);
    expect(at.guestd.calls).toEqual([]);
  });

  it.each(['root', accounts.outsider, 'nobody-of-this-name'])('lets in %s where the module is missing', async (user) => {
    expect(await openAndClose(at, user, missing)).toEqual(success);
  });

  it.each([accounts.byPrimaryGroup, accounts.byMembership])('stops %s where the module is missing', async (user) => {
    expect((await openAndClose(at, user, missing))[0]).toBe('PAM_AUTH_ERR');
  });

  it('stops a guest whom the module takes for somebody else', async () => {
    const module = `${at.build.module} group=trusted`;
    expect((await openAndClose(at, accounts.byPrimaryGroup, module))[0]).toBe('PAM_AUTH_ERR');
  });
});
