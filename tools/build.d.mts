export const ROOT: string;
/** An error whose message is all that a person needs. */
export class BuildError extends Error {}
/** Brings dist/ up to date; how many files were compiled or copied, and removed. */
export function ensureBuilt(options?: { root?: string }): Promise<{ compiled: number; removed: number }>;
export function ensureBuiltOrExit(): Promise<void>;
