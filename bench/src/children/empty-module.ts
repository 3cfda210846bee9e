// Loads in the time that loading anything takes.
export {};
