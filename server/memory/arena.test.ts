import { describe, expect, test } from 'vitest';
import { Arena, type Ref, offsetOf, segmentOf } from './arena.ts';

/** Small deterministic random numbers, so that a printed seed repeats a run. */
function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

interface Block {
  readonly ref: Ref;
  readonly size: number;
  readonly mark: number;
}

function fill(arena: Arena, ref: Ref, size: number, mark: number): void {
  arena.bytes[segmentOf(ref)].fill(mark, offsetOf(ref), offsetOf(ref) + size);
}

function expectWhole(arena: Arena, block: Block): void {
  const bytes = arena.bytes[segmentOf(block.ref)];
  const start = offsetOf(block.ref);
  for (let i = start; i < start + block.size; i++)
    if (bytes[i] !== block.mark) throw new Error(`byte ${i - start} of a block of ${block.size} was overwritten`);
}

/** Mostly small, sometimes pages, rarely tens of megabytes. */
function someSize(random: () => number): number {
  const kind = random();
  if (kind < 0.9) return 1 + Math.floor(random() * 400);
  if (kind < 0.99) return 1 + Math.floor(random() * 40_000);
  return 1 + Math.floor(random() * 3_000_000);
}

describe('the arena', () => {
  test('no block overlaps another, whatever is allocated and freed in between', () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    console.log(`arena seed ${seed}`);
    const random = mulberry(seed);
    const arena = new Arena();
    const blocks: Block[] = [];
    for (let step = 0; step < 20_000; step++) {
      if (blocks.length > 2000 || (blocks.length > 0 && random() < 0.45)) {
        const at = Math.floor(random() * blocks.length);
        const block = blocks[at];
        expectWhole(arena, block);
        arena.free(block.ref);
        blocks[at] = blocks[blocks.length - 1];
        blocks.pop();
      } else {
        const size = someSize(random);
        const block = { ref: arena.alloc(size), size, mark: step & 0xff };
        expect(arena.capacity(block.ref)).toBeGreaterThanOrEqual(size);
        fill(arena, block.ref, size, block.mark);
        blocks.push(block);
      }
    }
    for (const block of blocks) expectWhole(arena, block);
    for (const block of blocks) arena.free(block.ref);
    expect(arena.used).toBe(0);
  });

  test('memory goes back to the system when everything is freed', () => {
    const arena = new Arena();
    const refs = Array.from({ length: 300_000 }, (_, i) => arena.alloc(512 + (i & 63)));
    expect(arena.usage().reserved).toBeGreaterThanOrEqual(3 * 64 * 1024 * 1024 - 1);
    for (const ref of refs) arena.free(ref);
    expect(arena.used).toBe(0);
    expect(arena.usage().reserved).toBeLessThanOrEqual(64 * 1024 * 1024);
  });

  test('a freed block serves the next one of its size at once', () => {
    const arena = new Arena();
    const first = arena.alloc(100);
    arena.alloc(100);
    arena.free(first);
    expect(arena.alloc(97)).toBe(first);
  });

  test('an empty page serves other sizes', () => {
    const arena = new Arena();
    const small = Array.from({ length: 10_000 }, () => arena.alloc(64));
    const committed = arena.usage().committed;
    for (const ref of small) arena.free(ref);
    for (let i = 0; i < 500; i++) arena.alloc(1024);
    expect(arena.usage().committed).toBeLessThanOrEqual(committed + 2 * 64 * 1024);
  });

  test('a huge block has a segment of its own, is never the null ref and goes back whole', () => {
    const arena = new Arena();
    const huge = arena.alloc(100 * 1024 * 1024);
    expect(huge).not.toBe(0);
    arena.setU8(huge, 100 * 1024 * 1024 - 1, 7);
    expect(arena.u8(huge, 100 * 1024 * 1024 - 1)).toBe(7);
    const before = arena.usage().reserved;
    arena.free(huge);
    expect(arena.usage().reserved).toBe(before - 100 * 1024 * 1024);
  });

  test('a block that grows keeps its bytes', () => {
    const arena = new Arena();
    const ref = arena.alloc(20);
    fill(arena, ref, 20, 0x61);
    const grown = arena.realloc(ref, 20, 5000);
    expectWhole(arena, { ref: grown, size: 20, mark: 0x61 });
    expect(arena.realloc(grown, 20, 4990)).toBe(grown);
  });

  test('an arena that is full says so', () => {
    const arena = new Arena(1);
    arena.alloc(30 * 1024 * 1024);
    arena.alloc(30 * 1024 * 1024);
    expect(() => arena.alloc(30 * 1024 * 1024)).toThrow('Cannot add a memory segment: all 1 are in use');
  });
});
