// Of several questions only the last one's answer counts.

/** `ask(signal, …)`, which is aborted by the next call; undefined where another call came after it. */
export function latest(ask) {
  let running = null;
  return async (...given) => {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    try {
      const answer = await ask(mine.signal, ...given);
      return running === mine ? answer : undefined;
    } catch (error) {
      if (running !== mine || error.name === 'AbortError') return undefined;
      throw error;
    }
  };
}

/** `act` at once, and of calls within `wait` milliseconds of each other only the last one more. */
export function debounced(act, wait) {
  let timer = 0;
  return () => {
    const pausing = timer !== 0;
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      if (pausing) act();
    }, wait);
    if (!pausing) act();
  };
}
