// What a test started and must end, however the test ends: closed in the reverse order when the file is through.
interface Closable {
  close(): Promise<unknown>;
}

export function keeper(after: (clean: () => Promise<void>) => void): <T extends Closable>(each: T) => T {
  const open: Closable[] = [];
  after(async () => {
    // Clusters end first of all, so that clients and followers have nothing left to wait for.
    const ends = open.reverse().map((each) => each.close());
    await Promise.allSettled(ends);
    await Promise.all(ends);
  });
  return (each) => {
    open.push(each);
    return each;
  };
}
