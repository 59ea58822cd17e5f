import { describe, expect, it } from 'vitest';
import { formatSlotRanges } from '../../lib/slot-ranges.ts';
import { parseSlotMigrations } from './parse-slot-migrations.ts';

const ID = (letter: string): string => letter.repeat(40);

/** An entry as the reference server 9.1.2 answers it in RESP2. */
function entry(fields: Readonly<Record<string, string | number>>): readonly (string | number)[] {
  return Object.entries({
    name: ID('1'),
    operation: 'EXPORT',
    slot_ranges: '0-100 200-300',
    target_node: ID('b'),
    source_node: ID('a'),
    create_time: 1_795_760_677,
    last_update_time: 1_795_760_677,
    last_ack_time: 1_795_760_677,
    state: 'success',
    message: '',
    cow_size: 0,
    remaining_repl_size: 0,
    ...fields,
  }).flat();
}

describe('CLUSTER GETSLOTMIGRATIONS', () => {
  it('tells both ends, the slots and how it ended', () => {
    const [done, failed] = parseSlotMigrations([
      entry({}),
      entry({ operation: 'IMPORT', state: 'failed', message: 'Ran out of memory (OOM) during slot import' }),
    ]);
    expect(done).toMatchObject({ operation: 'export', outcome: 'success', sourceId: ID('a'), targetId: ID('b'), name: ID('1') });
    expect(formatSlotRanges(done.ranges)).toBe('0-100,200-300');
    expect(failed).toMatchObject({ operation: 'import', outcome: 'failed', message: 'Ran out of memory (OOM) during slot import' });
  });

  it.each(['connecting', 'snapshotting', 'replicating', 'failover-paused', 'cleaning-up', 'some state of a later version'])(
    'takes %s for one that runs',
    state => {
      expect(parseSlotMigrations([entry({ state })])[0]).toMatchObject({ outcome: 'running', state });
    },
  );

  it('knows no ends of what a replica only follows', () => {
    const followed = entry({ operation: 'IMPORT', state: 'occurring-on-primary' });
    const cut = followed.filter((_, at) => at < 6 || at > 9);
    expect(parseSlotMigrations([cut])[0]).toEqual({
      name: ID('1'),
      operation: 'import',
      ranges: [
        { start: 0, end: 100 },
        { start: 200, end: 300 },
      ],
      state: 'occurring-on-primary',
      outcome: 'running',
      message: '',
    });
  });

  it('is refused when it is something else', () => {
    expect(() => parseSlotMigrations('OK')).toThrow('no list');
    expect(() => parseSlotMigrations([['name', 'x']])).toThrow('lacks its name, state or operation');
  });
});
