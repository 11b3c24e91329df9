import { afterEach } from 'vitest';
import { running } from './lab/machine.ts';

// What a machine said last is most of what there is to know about a boot that went wrong.
afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const machine of running) console.error(`the console, when "${task.name}" failed:\n${machine.tail()}`);
});
