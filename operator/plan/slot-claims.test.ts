import { describe, expect, it } from 'vitest';
import { formatSlotRanges, parseSlotRanges } from '../../lib/slot-ranges.ts';
import type { SlotMigration } from '../model/observation.ts';
import type { Member } from '../model/topology.ts';
import { resolveClaims } from './slot-claims.ts';

interface Seen {
  /** id → `epoch slots`. */
  readonly peers: Readonly<Record<string, string>>;
  readonly migrations?: readonly Pick<SlotMigration, 'operation' | 'outcome'>[];
}

function member(id: string, { peers, migrations }: Seen): Member {
  const lines = Object.entries(peers).map(([nodeId, text]) => {
    const [epoch, slots = ''] = text.split(' ');
    return { nodeId, myself: nodeId === id, handshake: false, configEpoch: Number(epoch), slots: parseSlotRanges(slots) };
  });
  const told = migrations?.map(part => ({ name: 'job', ranges: parseSlotRanges('100-199'), sourceId: 'a', targetId: 'b', ...part }));
  return { name: id, view: { nodeId: id, peers: lines, migrations: told } } as unknown as Member;
}

function owners(views: Readonly<Record<string, Seen>>): Readonly<Record<string, string>> {
  const members = Object.entries(views).map(([id, seen]) => member(id, seen));
  const claims = resolveClaims(members, new Map(members.map(one => [one.view.nodeId, one])));
  return Object.fromEntries([...claims].filter(([, slots]) => slots.length > 0).map(([id, slots]) => [id, formatSlotRanges(slots)]));
}

describe('who owns a slot', () => {
  it('is what a node that answers says of itself, whatever others say of it', () => {
    expect(owners({ a: { peers: { a: '1 0-99', b: '9 0-16383' } }, b: { peers: { b: '2 200-299' } } })).toEqual({
      a: '0-99',
      b: '200-299',
    });
  });

  it('is, for one that does not answer, what the view of the highest epoch says', () => {
    expect(owners({ a: { peers: { a: '1', gone: '3 0-99' } }, b: { peers: { b: '2', gone: '4 0-49' } } })).toEqual({ gone: '0-49' });
  });

  it('is the node with the higher config epoch where two claim it', () => {
    expect(owners({ a: { peers: { a: '1 0-199' } }, b: { peers: { b: '5 100-199' } } })).toEqual({ a: '0-99', b: '100-199' });
  });

  it('is the target of a migration when it was asked before it took the slot, and the source after it had let go', () => {
    const [source, target] = [
      { a: '1 0-99', b: '2' },
      { a: '1 0-199', b: '2' },
    ];
    const views = (imported: SlotMigration['outcome'], exported: SlotMigration['outcome']): Readonly<Record<string, Seen>> => ({
      a: { peers: source, migrations: [{ operation: 'export', outcome: exported }] },
      b: { peers: target, migrations: [{ operation: 'import', outcome: imported }] },
    });
    expect(owners(views('running', 'success'))).toEqual({ a: '0-99', b: '100-199' });
    // Both say that it is over, or it failed: then nobody has the slot.
    expect(owners(views('success', 'success'))).toEqual({ a: '0-99' });
    expect(owners(views('running', 'failed'))).toEqual({ a: '0-99' });
  });
});
