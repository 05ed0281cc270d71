// CompatLog: where the facade says what the original would log: to the logger of the app, or warnings to the console.

/** What the facade needs of a logger. */
export interface LoggerSubset {
  getChild?(prefix: string): LoggerSubset;
  debug?(...message: unknown[]): void;
  info?(...message: unknown[]): void;
  warn?(...message: unknown[]): void;
  error?(...message: unknown[]): void;
}

/** A logger for a part of the facade. */
export type CompatLog = Pick<LoggerSubset, "info" | "warn" | "error" | "getChild">;

/** The logger of a part: a child of the parent, or the console for warnings and errors. */
export function childLog(parent: LoggerSubset | undefined, prefix: string): CompatLog {
  if (parent) return parent.getChild?.(prefix) ?? parent;
  return {
    getChild: (more) => childLog(undefined, `${prefix}${more}`),
    warn: (...message) => console.warn(prefix, ...message),
    error: (...message) => console.error(prefix, ...message),
  };
}
