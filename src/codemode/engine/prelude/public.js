// The helpers that are JavaScript in the reference, too: their source can be read, and they show in stacks. A script of
// its own, so that V8 takes them for a user's; see program.js for what it is called with.
(showBlocks, openQueue, add, results, take, woken, TypeErrorOf) => ({
  content: function content(blockOrBlocks) { showBlocks(blockOrBlocks); },
  as_settled: function as_settled(promises) {
    const queue = openQueue(promises);
    for (const promise of promises) add(queue, promise);
    return results(queue);
  },
  stream_settled: async function stream_settled(promises, callback) {
    if (typeof callback !== "function") throw new TypeErrorOf("stream_settled requires a callback");
    const queue = openQueue(promises);
    for (const promise of promises) add(queue, promise);
    while (queue.open > 0 || queue.first !== undefined) {
      if (queue.first === undefined) await woken(queue);
      else await callback(take(queue));
    }
  },
})
