// ProcessorTime: how long this thread has worked. It does not advance while other processes have the processor.

/** In milliseconds. */
export function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
