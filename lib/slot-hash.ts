export const SLOT_COUNT = 16384;
