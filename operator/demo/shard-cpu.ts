/** CPU that the primaries of a cluster take, by their own INFO: works with every server, and says nothing of what the operator thinks. */
import { parseInfo } from '../valkey/parse-info.ts';
import { type Address, askOnce, type Doors, readSlotOwners, showAddress } from './slot-owners.ts';

/** At one moment, by address of the primary. */
export interface CpuReading {
  readonly atMs: number;
  readonly cpuSeconds: ReadonlyMap<string, number>;
}

/** Between two readings, the busiest first. */
export interface CpuShares {
  /** Share of a core, by address. */
  readonly shares: readonly { readonly address: string; readonly cores: number }[];
  readonly maxOverMean: number;
}

export async function readShardCpu(doors: Doors): Promise<CpuReading> {
  const owners = await readSlotOwners(doors);
  const primaries = new Map<string, Address>();
  for (const owner of owners) if (owner !== undefined) primaries.set(showAddress(owner), owner);
  const atMs = performance.now();
  const readings = await Promise.all(
    [...primaries].map(async ([name, address]) => [name, cpuIn(String(await askOnce(doors, address, ['INFO', 'cpu'])))] as const),
  );
  return { atMs, cpuSeconds: new Map(readings) };
}

/** Of the primaries that are in both readings. */
export function cpuBetween(before: CpuReading, after: CpuReading): CpuShares {
  const seconds = (after.atMs - before.atMs) / 1000;
  const shares = [...after.cpuSeconds]
    .flatMap(([address, now]) => {
      const then = before.cpuSeconds.get(address);
      return then === undefined ? [] : [{ address, cores: Math.max(0, now - then) / seconds }];
    })
    .toSorted((a, b) => b.cores - a.cores);
  const mean = shares.reduce((sum, { cores }) => sum + cores, 0) / shares.length;
  return { shares, maxOverMean: mean > 0 ? shares[0].cores / mean : 1 };
}

function cpuIn(info: string): number {
  const fields = parseInfo(info);
  return Number(fields.get('used_cpu_user') ?? 0) + Number(fields.get('used_cpu_sys') ?? 0);
}
