// Figures: what the specs of this folder measure, printed under their titles at the end.
import type { TestContext } from "vitest";
import type { Reporter, TestModule } from "vitest/node";

declare module "vitest" {
  interface TaskMeta {
    figures?: string[];
  }
}

/** Records a figure of the running spec. */
export function figure({ task }: TestContext, name: string, value: string): void {
  (task.meta.figures ??= []).push(`${name}: ${value}`);
}

export const inMs = (ms: number): string => `${Math.round(ms)} ms`;

export const figuresReporter: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]) {
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { figures = [] } = test.meta();
        if (figures.length > 0) console.log([`\n${test.fullName}`, ...figures.map((line) => `  ${line}`)].join("\n"));
      }
    }
  },
};
