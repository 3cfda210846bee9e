import { PROFILE_KINDS, type ProfileKind, type Profiles } from './profiles';

/** A file that a profile is written to. */
export interface ProfileFile {
  readonly kind: ProfileKind;
  /** Without a dot; tools choose by it how to open the file. */
  readonly extension: string;
  /** JSON. */
  readonly content: string;
}

const EXTENSIONS: Readonly<Record<ProfileKind, string>> = {
  cpu: 'cpuprofile',
  heap: 'heapprofile',
  loop: 'json',
};

/** What to write of `profiles`: one file for each kind that was recorded. */
export function profileFiles(profiles: Profiles): ProfileFile[] {
  return PROFILE_KINDS.filter((kind) => profiles[kind] !== null).map((kind) => ({
    kind,
    extension: EXTENSIONS[kind],
    content: JSON.stringify(profiles[kind]),
  }));
}
