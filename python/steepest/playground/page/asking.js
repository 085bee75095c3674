// What tabs share whose server keeps no state: the last change is asked for, the address holds what is not usual.

/**
 * A function that does `work` once at a time; what is wanted meanwhile is done once more, with what holds then.
 * An error is given to `fail`, and what was wanted meanwhile is done nevertheless.
 */
export function latest(work, fail) {
  let busy = false, again = false;
  return async () => {
    if (busy) { again = true; return; }
    busy = true;
    do {
      again = false;
      await Promise.resolve().then(work).catch(fail);
    } while (again);
    busy = false;
  };
}

/** The entries of `now` that differ from the usual ones. */
export function different(now, usual) {
  const differs = ([key, value]) => JSON.stringify(value) !== JSON.stringify(usual[key]);
  return Object.fromEntries(Object.entries(now).filter(differs));
}

/** The usual settings with those of an address; without them if `ask`, which tries them, is refused. */
export async function accepted(usual, state, ask, fail) {
  const all = { ...usual, ...state };
  try {
    if (Object.keys(state).length) await ask(all);
    return all;
  } catch (error) {
    fail(error);
    return { ...usual };
  }
}
