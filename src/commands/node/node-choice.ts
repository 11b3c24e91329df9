import { Option } from 'commander';

/** What a verb for many machines calls them, the same for all. */
export const NODE_WORDS = 'names of nodes, as print[01-24], or all (not with --group)';
export const groupOption = (): Option => new Option('--group <name>', 'the nodes of a group of config.d');
