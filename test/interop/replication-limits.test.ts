/** Where our server and the reference server do not have the same features: refused by name, never followed in silence. */

import { afterEach, describe, expect, test } from 'vitest';
import { fillWith, follow, inSync, linkUp, Nodes, referenceFolder, until } from '../support/replication-nodes.ts';

const nodes = new Nodes(19_200);

afterEach(() => nodes.stopAll());

describe.skipIf(referenceFolder === undefined)('replication with the reference server (needs VALKEY_REFERENCE)', () => {
  test('a data set with a stream is refused by name, nothing of it is served, and without the stream the sync succeeds', async () => {
    const primary = await nodes.start('reference');
    const replica = await nodes.start('ours');
    await primary.client.set('k', 'v');
    await primary.client.xadd('events', '*', 'f', 'v');
    await follow(replica, primary);
    await until(() => replica.log().includes('Cannot load a value of the type stream'), 'the refusal in the log');
    const served = async (): Promise<string> => replica.client.get('k').then(String, (error: Error) => error.message.split(' ')[0]);
    await until(async () => (await served()) === 'MASTERDOWN', 'the end of the attempt');
    await primary.client.del('events');
    await inSync(primary, replica);
    expect(await served()).toBe('v');
  });

  test('a command that our server does not have stops the link, and the data stay as they were before it', async () => {
    const primary = await nodes.start('reference');
    const replica = await nodes.start('ours');
    await follow(replica, primary);
    await until(() => linkUp(replica), 'the link');
    await primary.client.set('before', '1');
    await primary.client.xadd('events', '*', 'f', 'v');
    await primary.client.set('after', '1');
    await until(
      () => replica.log().includes("the primary sends the command 'xadd', which this server does not have"),
      'the refusal in the log',
    );
    expect(await linkUp(replica)).toBe(false);
    expect(await replica.client.get('before')).toBe('1');
    expect(await replica.client.exists('after')).toBe(0);
  });

  test.each(['ours', 'reference'] as const)(
    'a primary (%s) that is killed and comes back empty takes its replica through a full sync',
    async kind => {
      const primary = await nodes.start(kind);
      const replica = await nodes.start(kind === 'ours' ? 'reference' : 'ours');
      await fillWith(primary, 2000);
      await follow(replica, primary);
      await inSync(primary, replica);
      await primary.kill('SIGKILL');
      await until(async () => !(await linkUp(replica)), 'the loss of the link');
      expect(await replica.client.get('integer')).toBe('-12345678901234');
      const fresh = await nodes.start(kind, { port: `${primary.port}` });
      await fresh.client.set('new', 'life');
      await inSync(fresh, replica);
      expect(await replica.client.dbsize()).toBe(1);
    },
  );
});
