/** A rule of the CRD that structure cannot express. `path` is the schema node that it stands on, from the object's root. */
export interface CelRule {
  readonly path: string;
  readonly rule: string;
  readonly message: string;
}
