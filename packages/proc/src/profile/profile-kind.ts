/** What a profile can be of: CPU time, memory allocated and kept, delay of the event loop. */
export type ProfileKind = 'cpu' | 'heap' | 'loop';
