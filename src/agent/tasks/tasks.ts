import { bundle } from './bundle.ts';
import { can } from './can.ts';
import { certificate } from './certificate.ts';
import { events } from './events.ts';
import { health } from './health.ts';
import { printers } from './printers.ts';
import { reports } from './reports.ts';
import { state } from './state.ts';
import type { AgentTask } from './task.ts';

/** All that the agent does, in the order in which `statectl status` tells of it. One more is a file here and a line. */
export const TASKS: readonly AgentTask[] = [events, bundle, certificate, reports, can, printers, state, health];
