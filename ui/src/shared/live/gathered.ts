/** Gather calls for the same name: the first acts at once, those that come within `wait` ms or before it is done act
 * together afterwards. So a working batch, which reports many times a second, never cuts off the fetch it caused. */
export function gathered<K>(wait: number, act: (name: K) => Promise<unknown>): (name: K) => void {
  const busy = new Set<K>();
  const again = new Set<K>();

  async function run(name: K) {
    busy.add(name);
    const pause = new Promise((done) => window.setTimeout(done, wait));
    await Promise.allSettled([act(name), pause]);
    busy.delete(name);
    if (again.delete(name)) void run(name);
  }

  return (name) => {
    if (busy.has(name)) again.add(name);
    else void run(name);
  };
}
