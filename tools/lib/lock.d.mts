export interface LockHolder {
  pid: number;
  /** When the process began, in the words of its system; tells a reused pid from the holder. */
  start: string | undefined;
  host: string;
  token: string;
}
export interface LockOptions {
  timeoutMs?: number;
  /** Called once when somebody else holds the lock. */
  onWait?: (holder: LockHolder | undefined) => void;
}
/** Runs `body` while holding the lock file. */
export function withLock<T>(file: string, body: () => T | Promise<T>, options?: LockOptions): Promise<T>;
export function takeLock(file: string, options?: LockOptions): Promise<() => void>;
export function readHolder(file: string): LockHolder | undefined;
