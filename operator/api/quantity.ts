/** Kubernetes quantities, as a user writes them: "500m", "2" or "1Gi". */
import { z } from 'zod';

const QUANTITY = /^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/;

export const quantity = z
  .union([z.int().min(0), z.string().regex(QUANTITY, 'must be a quantity such as "500m", "2" or "1Gi"')])
  .meta({ 'x-kubernetes-int-or-string': true });
