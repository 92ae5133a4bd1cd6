// Sends the photos of one person, one after the other. Used by any page:
//
//   const { results, subject, stopped } = await enrol(name, items, { ask, onStart, onResult });
//
//   name       as it was written
//   items      [{photo: File or Blob, origin: 'camera' | 'photo', near: {x, y} | null}]; near: where in the photo the
//              face is that is meant, in parts of its width and height (0 to 1), needed where there are several
//   ask        async (problem, name, item) => 'add' | 'duplicate' | 'mismatch' | 'back', when face and name do not go
//              together: Choice of choice.js asks like that. The answer holds for the rest of the series.
//   also       what is sent with each, {consent, consent_how} say
//   onStart    (index), onResult (index, result): to show how far it is
//
//   results    one for each item: {state: 'kept' | 'already', subject, sample, face, image}, {state: 'refused', problem},
//              or {state: 'unsent'}
//   subject    who has the photos now, as the last answer has it; null when none was kept
//   stopped    null when all were sent; 'back' when the person answered so; else the Problem that would have met each
//              of them: a name that cannot be one, a server that does not answer
//
// A photo that is refused for what it shows does not keep the others from being sent.

import { Problem, register } from './api.js';
import { isQuestion } from './choice.js';

export async function enrol(name, items, { ask, also = {}, onStart = () => {}, onResult = () => {} }) {
  const series = { name, always: also, also: {}, oneOfMany: items.length > 1 };
  const results = items.map(() => ({ state: 'unsent' }));
  let subject = null;
  for (const [index, item] of items.entries()) {
    onStart(index);
    const outcome = await send(series, item, ask);
    if (outcome.stopped) return { results, subject, stopped: outcome.stopped };
    results[index] = outcome;
    subject = outcome.subject ?? subject;
    onResult(index, outcome);
  }
  return { results, subject, stopped: null };
}

async function send(series, item, ask) {
  for (;;) {
    try {
      const answer = await register(series.name, item.photo, item.origin, { ...series.always, ...series.also, ...where(item.near) }, series.oneOfMany);
      return { ...answer, state: answer.status === 200 ? 'already' : 'kept' };
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (!isQuestion(problem)) return concernsAll(problem) ? { stopped: problem } : { state: 'refused', problem };
      const answer = await ask(problem, series.name, item);
      if (answer === 'back') return { stopped: 'back' };
      heed(series, answer, problem.subject);
    }
  }
}

function heed(series, answer, known) {
  if (answer === 'add') {
    series.name = known.name;
    series.also = {};
  } else series.also = { ...series.also, [`allow_${answer}`]: true };
}

function concernsAll(problem) {
  return problem.passing || ['invalid_name', 'consent_needed'].includes(problem.code);
}

function where(near) {
  return near ? { near: `${near.x.toFixed(4)},${near.y.toFixed(4)}` } : {};
}
