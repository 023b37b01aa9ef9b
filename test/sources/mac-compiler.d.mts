export function adoptableCompilerScript(prefix: string): string;
