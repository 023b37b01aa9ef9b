/** An opaque text that differs between two processes that had the same pid; undefined when the process is gone. */
export function getProcessStart(pid: number): string | undefined;
/** False for a zombie, and for another process that got the same pid (when `start` is known). */
export function isProcessAlive(pid: number, start?: string): boolean;
export function listProcesses(): { pid: number; ppid: number; command: string }[];
