/** Kubernetes quantities ("1Gi", "500M", 1024) as bytes, and ("250m", 2) as cores. */

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  m: 0.001,
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** Whole bytes; undefined when `quantity` is none. */
export function bytesOfQuantity(quantity: string | number): number | undefined {
  const bytes = valueOf(quantity);
  return bytes === undefined ? undefined : Math.floor(bytes);
}

/** Cores, parts of one as well: "250m" is a quarter. Undefined when `quantity` is none. */
export function coresOfQuantity(quantity: string | number): number | undefined {
  return valueOf(quantity);
}

function valueOf(quantity: string | number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(String(quantity));
  const factor = match === null ? undefined : FACTORS[match[2]];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
}
