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

/** `act` once nothing was typed for so many milliseconds. */
export function debounced(act, wait) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(act, wait, ...given);
  };
}
