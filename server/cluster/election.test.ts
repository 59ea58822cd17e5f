import { describe, expect, test } from 'vitest';
import { ClusterWorld } from '../../test/simulate/cluster-world.ts';
import { MESSAGE_FORCE_ACK, type PacketHeader } from './bus-packet.ts';
import { electionStart, isDataFresh, judgeVoteRequest, replicaRank } from './election.ts';
import { FLAG_FAIL } from './node-flags.ts';
import { header } from './messenger.ts';

describe('the start of an election', () => {
  const base = { now: 1000, nodeTimeoutMs: 15_000, random: 0.5, rank: 0, failedPrimaryRank: 0, offset: 1 };

  test.each([
    ['the best replica waits the delay and a random part of it', base, 1000 + 500 + 250],
    ['each rank adds twice the delay', { ...base, rank: 2 }, 1000 + 750 + 2000],
    ['each failed shard that goes first adds the delay', { ...base, failedPrimaryRank: 3 }, 1000 + 750 + 1500],
    ['a replica without data waits 500 ms more', { ...base, offset: 0 }, 1000 + 750 + 500],
    ['a short node timeout shortens the delay', { ...base, nodeTimeoutMs: 3000 }, 1000 + 100 + 50],
  ])('%s', (_title, input, expected) => {
    expect(electionStart(input)).toBe(expected);
  });

  test('rank counts siblings with more data, or as much and a smaller id', () => {
    const me = { id: 'm', offset: 100, noFailover: false };
    const others = [
      { id: 'a', offset: 99, noFailover: false },
      { id: 'a', offset: 100, noFailover: false },
      { id: 'z', offset: 100, noFailover: false },
      { id: 'z', offset: 101, noFailover: false },
      { id: 'z', offset: 500, noFailover: true },
    ];
    expect(replicaRank(me, others)).toBe(2);
  });

  test('data may be as old as ping period + node timeout × factor, after the node timeout itself', () => {
    const settings = { nodeTimeout: 1000, replicaValidityFactor: 10, replicaPingPeriodSeconds: 10 };
    expect([isDataFresh(21_000, settings), isDataFresh(21_001, settings), isDataFresh(Infinity, settings)]).toEqual([true, false, false]);
    expect(isDataFresh(Infinity, { ...settings, replicaValidityFactor: 0 })).toBe(true);
  });
});

describe('a voter', () => {
  /** 7002 is asked by 7004, a replica of the failed 7001. */
  function asked(change: Partial<PacketHeader> = {}) {
    const world = new ClusterWorld({ seed: 1, nodeTimeoutMs: 2000, latencyMs: [1, 5], breakage: 0 });
    world.form(3, 1);
    world.run(3000);
    const [primary, voter, , replica] = world.nodes;
    const { state } = voter.bus;
    const node = (of: typeof voter) => state.nodes.get(of.id) as NonNullable<ReturnType<typeof state.nodes.get>>;
    node(primary).flags |= FLAG_FAIL;
    const request = { ...header(replica.bus.state), currentEpoch: state.currentEpoch + 1n, ...change };
    state.currentEpoch = request.currentEpoch > state.currentEpoch ? request.currentEpoch : state.currentEpoch;
    return {
      state,
      candidate: node(replica),
      primary: node(primary),
      request,
      judge: () => judgeVoteRequest(state, node(replica), request),
    };
  }

  test('grants when the primary is FAIL and the request is up to date', () => {
    expect(asked().judge()).toEqual({ kind: 'grant' });
  });

  test('grants once per epoch', () => {
    const { state, judge } = asked();
    state.lastVoteEpoch = state.currentEpoch;
    expect(judge()).toEqual({ kind: 'deny', reason: `: already voted for epoch ${state.currentEpoch}` });
  });

  test('denies while the primary is up, unless the request is forced', () => {
    const calm = asked();
    calm.primary.flags &= ~FLAG_FAIL;
    expect(calm.judge()).toMatchObject({ kind: 'deny', reason: expect.stringContaining('its primary is up') });
    const forced = asked({ messageFlags: MESSAGE_FORCE_ACK });
    forced.primary.flags &= ~FLAG_FAIL;
    expect(forced.judge()).toEqual({ kind: 'grant' });
  });

  test('takes the primary of a candidate that it met a moment ago from the request', () => {
    const met = asked();
    met.state.nodes.detachReplica(met.candidate);
    expect(met.candidate.replicaOf).toBeUndefined();
    expect(met.judge()).toEqual({ kind: 'grant' });
    const unknown = asked({ primaryId: 'f'.repeat(40) });
    unknown.state.nodes.detachReplica(unknown.candidate);
    expect(unknown.judge()).toMatchObject({ kind: 'deny', reason: expect.stringContaining("I don't know its primary") });
  });

  test('denies an old epoch', () => {
    expect(asked({ currentEpoch: 1n }).judge()).toMatchObject({ kind: 'deny', reason: expect.stringContaining('reqEpoch (1) < curEpoch') });
  });

  test('denies a claim to slots that somebody owns under a newer epoch, and knows whom to tell of', () => {
    const { primary, judge } = asked();
    primary.configEpoch = 99n;
    expect(judge()).toMatchObject({
      kind: 'deny',
      reason: expect.stringContaining('slot 0 epoch (99) > reqConfigEpoch'),
      newerOwner: primary,
    });
  });

  test('denies in the first moments of its life, and without slots it has no vote', () => {
    const young = asked();
    young.state.safeToJoin = false;
    expect(young.judge()).toMatchObject({ kind: 'deny', reason: expect.stringContaining('not safe to vote') });
    const empty = asked();
    empty.state.slots.unassignAllOf(empty.state.myself);
    expect(empty.judge()).toEqual({ kind: 'abstain' });
  });
});
