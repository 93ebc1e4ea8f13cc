// Two scenes of one disaster: a voter that acknowledged a value loses its disk and comes back empty, the other one that
// holds the value is out of reach, and a third that never heard of it asks the returned one for its vote. Played by the code
// as it stands, and by a copy of it without the guard (wiped-voter.test.ts); the script is the same to the last message.
import { Scene } from './scene.js';

const IDS = ['a', 'b', 'c'];

export interface Ending {
  /** Where `kept` was acknowledged. */
  readonly instance: number | string;
  /** What the proposal of the third was told. */
  readonly third: number | string;
  /** What stands at that instance in the end, on each node. */
  readonly stands: Readonly<Record<string, readonly unknown[] | null>>;
  /** The cluster each node takes itself for a member of. */
  readonly gids: readonly (string | null)[];
}

/** The group is founded, and all know it: the list of members says which store may vote. */
export async function afterTheFounding(): Promise<Ending> {
  const scene = new Scene(IDS, 2000);
  for (const id of IDS) await scene.start(id);
  scene.meet();
  await scene.run(3000);
  scene.passes = (from, to) => from !== 'c' && to !== 'c';
  return disaster(scene);
}

/** The third has said that it is new, and was cut off before the other two founded the group. */
export async function beforeTheFounding(): Promise<Ending> {
  const scene = new Scene(IDS, 2000);
  for (const id of IDS) await scene.start(id);
  scene.meet();
  await scene.run(0.75);
  scene.passes = (from, to) => from !== 'c' && to !== 'c';
  await scene.run(3000);
  return disaster(scene);
}

async function disaster(scene: Scene): Promise<Ending> {
  const instance = await scene.propose('a', 'kept', 2000);
  scene.lose('b');
  scene.passes = (from, to) => from !== 'a' && to !== 'a';
  await scene.start('b');
  scene.meet();
  const third = await scene.propose('c', 'another', 8000);
  scene.passes = () => true;
  scene.meet();
  await scene.run(8000);
  const stands: Record<string, readonly unknown[] | null> = {};
  for (const id of IDS) stands[id] = await scene.at(id, Number(instance));
  const gids = IDS.map((id) => scene.group(id).membersView().gid);
  return { instance, third, stands, gids };
}
