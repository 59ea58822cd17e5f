import { describe, expect, test } from 'vitest';
import { dataWorld, latin1, ManualTimers, setString } from '../../test/support/data-world.ts';
import { slotOfKey } from '../../lib/slot-hash.ts';
import { type DropperNeeds, SlotDropper } from './slot-dropper.ts';

const slotOf = (tag: string): number => slotOfKey(latin1(`{${tag}}`), 0, tag.length + 2);
const KEYS = 500;

/** Two slots with keys in two databases; each look at the clock takes half a millisecond. */
function world(role = 'primary') {
  const data = dataWorld({ bySlot: true, databases: 2 });
  for (let i = 0; i < KEYS; i++) for (const tag of ['a', 'b']) setString(data.databases.get(i % 2), `{${tag}}${i}`, 'x');
  const timers = new ManualTimers();
  const told: string[][] = [];
  let now = 0;
  const ports = {
    clock: { now: () => 0, microseconds: () => 0, monotonic: () => (now += 0.5) },
    config: { flag: () => true },
    databases: data.databases,
    propagation: { propagate: (db: number, args: readonly (string | Uint8Array)[]) => told.push([String(db), ...args.map(String)]) },
    replication: { role },
    timers,
    watch: { touch() {} },
  };
  const dropper = new SlotDropper(ports as unknown as DropperNeeds, { hide: (slot, on) => data.databases.hideSlot(slot, on) });
  const keys = (tag: string): number => data.databases.get(0).slotSize(slotOf(tag)) + data.databases.get(1).slotSize(slotOf(tag));
  const visible = (): number => data.databases.get(0).visible().size + data.databases.get(1).visible().size;
  return { data, dropper, timers, told, keys, visible };
}

describe('the keys of a lost slot', () => {
  test('are hidden at once, deleted in slices, and told to the replicas one batch after the other', () => {
    const { dropper, timers, told, keys, visible } = world();
    let done = 0;
    dropper.drop([slotOf('a')], () => done++);
    expect([visible(), keys('a'), dropper.keysLeft]).toEqual([KEYS, KEYS, KEYS]);
    timers.turn();
    const left = keys('a');
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(KEYS);
    expect(done).toBe(0);
    while (timers.turn());
    expect([keys('a'), keys('b'), visible(), done, dropper.isDropping(slotOf('a'))]).toEqual([0, KEYS, KEYS, 1, false]);
    expect(told.every(([, command]) => command === 'UNLINK')).toBe(true);
    expect(told.flatMap(args => args.slice(2)).length).toBe(KEYS);
  });

  test('go at once when the slot is to be filled again', () => {
    const { dropper, timers, keys, data, visible } = world();
    let done = 0;
    dropper.drop([slotOf('a'), slotOf('b')], () => done++);
    timers.turn();
    dropper.finish(slotOf('a'));
    dropper.finish(slotOf('b'));
    expect([keys('a'), keys('b'), dropper.keysLeft]).toEqual([0, 0, 0]);
    setString(data.databases.get(0), '{a}new', 'x');
    while (timers.turn());
    expect([keys('a'), visible(), done]).toEqual([1, 1, 1]);
  });

  test('are told to nobody by a replica, and stay when the node loses its role', () => {
    const replica = world('replica');
    replica.dropper.drop([slotOf('a')]);
    while (replica.timers.turn());
    expect([replica.keys('a'), replica.told]).toEqual([0, []]);
    const demoted = world();
    demoted.dropper.drop([slotOf('a')]);
    demoted.timers.turn();
    const left = demoted.keys('a');
    demoted.dropper.stop();
    while (demoted.timers.turn());
    expect([demoted.keys('a'), demoted.visible()]).toEqual([left, left + KEYS]);
  });
});
