// Quiet: silences matrix-js-sdk, which logs every step.
import { logger } from "matrix-js-sdk/lib/logger.js";

interface Loglevel {
  methodFactory: () => () => void;
  rebuild(): void;
}

// New loggers copy the factory of this parent.
const parent = logger as unknown as Loglevel;
parent.methodFactory = () => () => {};
parent.rebuild();
