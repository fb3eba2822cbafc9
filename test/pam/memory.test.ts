/** Memory and descriptors over many rounds; the sanitizers are in every other test of this folder. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeModule } from './fixture.ts';
import { builds } from './host.ts';
import { type Call, refused, session } from './scripted_guestd.ts';
import { accounts, createView, type View } from './world.ts';

const rounds = 50;

describeModule('Many sessions in one process', (at) => {
  let second: View;
  beforeAll(async () => {
    second = await createView(at.world);
  });
  afterAll(() => second.stop());

  /** A process can enter each view from the other. */
  const alternating = () => {
    let opened = 0;
    return (call: Call) => session(call.member === 'OpenSession' && opened++ % 2 === 1 ? second : at.view);
  };
  const line = ['quiet', String(rounds), 'open', 'close', 'restart'];

  it('leave no descriptor behind, with the module loaded anew for each', async () => {
    at.guestd.answer = alternating();
    const [first] = await at.run(['open', 'close']);
    at.guestd.answer = alternating();
    const hooks = await at.run(line);
    expect(hooks.map((hook) => hook.result)).toEqual(['PAM_SUCCESS', 'PAM_SUCCESS']);
    expect(at.guestd.calls).toHaveLength(2 + 2 * rounds);
    for (const hook of hooks) expect(hook.after.descriptors).toBe(first?.before.descriptors);
  });

  it('leave no descriptor behind when they are refused', async () => {
    at.guestd.answer = refused('No more guests today.');
    const [hook] = await at.run(['quiet', String(rounds), 'open', 'restart']);
    expect(hook?.result).toBe('PAM_SESSION_ERR');
    expect(hook?.after).toEqual(hook?.before);
  });

  // The sanitizers and valgrind exclude each other.
  if (at.build !== builds[0]) return;
  it('are without a fault under valgrind', { timeout: 120_000 }, async () => {
    // lax-ioctls: it does not know those on namespaces, whose results are plain numbers.
    const memcheck = ['valgrind', '-q', '--sim-hints=lax-ioctls', '--error-exitcode=99', '--leak-check=full'];
    const wrapper = [...memcheck, '--errors-for-leak-kinds=definite,indirect', '--show-leak-kinds=definite,indirect'];
    at.guestd.answer = alternating();
    const hooks = await at.run(line, { wrapper });
    expect(hooks.map((hook) => hook.result)).toEqual(['PAM_SUCCESS', 'PAM_SUCCESS']);
    at.guestd.answer = refused('Gäste: bitte warten.');
    const errors = ['open', 'restart', 'open-silent', 'restart', 'thread-open', 'close'];
    expect((await at.run(errors, { wrapper })).map((hook) => hook.result)).not.toContain('PAM_SUCCESS');
    at.guestd.answer = session({ ...at.view, inode: at.view.inode + 1n });
    expect((await at.run(['open'], { wrapper }))[0]?.result).toBe('PAM_SESSION_ERR');
    expect((await at.run(['open'], { wrapper, user: accounts.outsider }))[0]?.result).toBe('PAM_IGNORE');
  });
});
