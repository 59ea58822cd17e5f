/** A condition as it is judged: the time of its transition comes later. */
import type { ConditionStatus, ConditionType } from '../api/conditions.ts';

export interface Verdict {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
}
