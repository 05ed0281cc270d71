// Log: what happened and when, one line for each, for specs that follow a story.
import { asyncScheduler, type Observable } from "rxjs";

export class Log {
  readonly lines: string[] = [];

  follow(name: string, word$: Observable<string>): void {
    word$.subscribe((word) => this.add(`${name}: ${word}`));
  }

  add(line: string): void {
    this.lines.push(`${asyncScheduler.now()} ${line}`);
  }
}
