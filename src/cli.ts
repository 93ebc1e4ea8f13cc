#!/usr/bin/env node
// The command `paxmesh`: finds the subcommand, hands it its arguments, turns what it throws into an exit status.
// 0: done. 1: it did not work, one line on stderr says why. 2: the words are off.
import { CommandFailed, UsageError } from './cli/errors.js';
import { VERSION } from './version.js';

const USAGE = `usage: paxmesh COMMAND [options]

  dev      a whole cluster on this machine   [--nodes 3] [--port 7001] [--data .paxmesh]
                                             [--store embedded|redis] [--groups main]
  serve    one node, from PAXMESH_* settings or flags of the same names (--node a --listen 127.0.0.1:7001 …)

  propose  [VALUE]          commit a value; without VALUE it is read from standard input
                            [--machine log] [--text] [--key K] [--timeout-ms N]
  get      [ID | FROM..TO]  show committed instances; without ID the newest
  feed                      follow commits   [--from earliest|now|ID] [--system] [--machines a,b]
  status                    the groups of a node, its members and master
  members  [list]           who belongs to the group
           add ID ADDRESS | set ID [ADDRESS] | remove ID | replace OLD ID ADDRESS | readmit ID
                            change it  [--role voter|learner|observer] [--force] [--if-match VERSION]
                            [--timeout-ms N]; an ADDRESS is the http://host:port of the member
  master   [show]           who holds the lease
           release | transfer ID | prefer ID | prefer-none | lease MS  [--timeout-ms N]
                            move it on, hand it to a member, now or whenever that can have it, make it longer or shorter
  backup   [--out FILE]     all state of all groups of a node into a file
  restore  FILE             a backup into a cluster that was never used

  inspect                   look into the store of a node that need not run  [--node a] [--store embedded:DIR|redis://…]
                            [--check]: is all of it sound?   [--group main --from ID --limit N]: show instances
  recover                   a quorum is lost for ever: let the node of this store, which must not run, go on alone
                            --node a --store … [--group main] [--url-advertised URL] [--yes-lose-data]

  Client commands take --url (or PAXMESH_URL; http://127.0.0.1:7001), --group (main), --token and --json.
  --version, --help
`;

type Command = (args: readonly string[]) => Promise<void>;

/** Each is loaded when it is asked for: what one of them needs is nothing that another should wait for. */
const COMMANDS: Readonly<Record<string, Command>> = {
  dev: async (args) => (await import('./cli/dev.js')).dev(args),
  serve: async (args) => (await import('./server.js')).serve(process.env, args),
  propose: async (args) => (await import('./cli/propose.js')).propose(args),
  get: async (args) => (await import('./cli/get.js')).get(args),
  feed: async (args) => (await import('./cli/feed.js')).feed(args),
  status: async (args) => (await import('./cli/status.js')).status(args),
  members: async (args) => (await import('./cli/members.js')).members(args),
  master: async (args) => (await import('./cli/master.js')).master(args),
  backup: async (args) => (await import('./cli/backup.js')).backup(args),
  restore: async (args) => (await import('./cli/backup.js')).restore(args),
  inspect: async (args) => (await import('./cli/inspect.js')).inspect(args),
  recover: async (args) => (await import('./cli/recover.js')).recover(args),
};

async function main([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined) throw new UsageError('no command given');
  if (name === '--version') process.stdout.write(`${VERSION}\n`);
  else if (name === '--help' || name === 'help') process.stdout.write(USAGE);
  else {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined) throw new UsageError(`there is no command ${name}`);
    await command(args);
  }
}

// Whoever read our output has seen enough, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

main(process.argv.slice(2)).catch((error: unknown) => {
  const usage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS_') === true;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CommandFailed && error.json !== null) process.stderr.write(`${error.json}\n`);
  else process.stderr.write(`paxmesh: ${message}\n${usage ? `\n${USAGE}` : ''}`);
  process.exitCode = usage ? 2 : 1;
});
