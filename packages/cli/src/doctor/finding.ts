/** Something that the doctor has to say. */
export interface Finding {
  /** Stable name of the rule. */
  readonly rule: string;
  /** `problem`: requests or diagnostics will be lost. `warning`: likely, or under circumstances. `hint`: worth knowing. */
  readonly severity: 'problem' | 'warning' | 'hint';
  /** What will go wrong. */
  readonly text: string;
  /** What to do about it. */
  readonly advice: string;
}
