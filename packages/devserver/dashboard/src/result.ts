/** What a button of the page got from the process. */
export interface Result {
  readonly kind: 'dump' | 'cpu profile' | 'heap profile';
  /** For how long it was measured; null for a dump. */
  readonly seconds: number | null;
  readonly takenAt: Date;
  readonly process: string;
  readonly fileName: string;
  readonly content: Blob;
}
