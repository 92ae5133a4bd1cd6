// Who is seen, over time: the answers to single frames in, faces that keep their identity out. No DOM, so a test can feed it.
//
// The promise is of one search, and a stranger in view is searched many times a second. So a frame is only a witness: what
// is said of a face needs several that agree, and a stranger called unknown needs a steady second to be given a name.

const SAY = { votes: 3, of: 4 }; // frames that agree before anything is said of a face, or another name than before
const TURN = { votes: 7, of: 10 }; // frames that agree before a name is taken back, or given to who was unknown
const MISSES = 2; // frames without the face that it survives
const REACH = 0.8; // sides of the face that it may move between two frames
const GROWTH = 2; // times that its side may change
const SAME_PERSON = -0.5; // sides nearer that the same name makes it, and another name further
const OTHER_PERSON = 0.5;

export class Tracks {
  #tracks = [];
  #next = 1;

  /** faces: of one answer. Gives what to show, in the order of their coming: [{id, box, face, fresh}].
   *
   *  face: the latest answer that agrees with what is said of this track; null as long as nothing is sure.
   *  fresh: false where this very answer missed the face.
   */
  update(faces) {
    const pairs = this.#pairs(faces);
    const taken = new Set(pairs.map(({ face }) => face));
    const seen = new Set(pairs.map(({ track }) => track));
    pairs.forEach(({ track, face }) => witness(track, face));
    this.#tracks.forEach((track) => { track.missed = seen.has(track) ? 0 : track.missed + 1; });
    this.#tracks = this.#tracks.filter((track) => track.missed <= MISSES);
    for (const face of faces.filter((one) => !taken.has(one))) this.#begin(face);
    return this.#tracks.map(({ id, box, said, missed }) => ({ id, box, face: said, fresh: missed === 0 }));
  }

  clear() {
    this.#tracks = [];
  }

  #begin(face) {
    const track = { id: this.#next, box: face.box, answers: [], said: null, missed: 0 };
    this.#next += 1;
    witness(track, face);
    this.#tracks.push(track);
  }

  // Each track with the face that continues it, the nearest pairs first.
  #pairs(faces) {
    const possible = this.#tracks
      .flatMap((track) => faces.map((face) => ({ track, face, away: away(track, face) })))
      .filter((pair) => pair.away < Infinity)
      .sort((one, other) => one.away - other.away);
    const taken = new Set();
    return possible.filter(({ track, face }) => {
      if (taken.has(track) || taken.has(face)) return false;
      taken.add(track).add(face);
      return true;
    });
  }
}

// In sides of the face; a name that is known says more than a short way, so that people may cross.
function away({ box, said, missed }, face) {
  const [here, there] = [side(box), side(face.box)];
  const [before, now] = [middle(box), middle(face.box)];
  const way = Math.hypot(before.x - now.x, before.y - now.y) / Math.max(here, there);
  if (way > REACH * (missed + 1) || Math.max(here, there) > GROWTH * Math.min(here, there)) return Infinity;
  if (said?.decision !== 'match' || face.decision !== 'match') return way;
  return way + (said.subject_id === face.subject_id ? SAME_PERSON : OTHER_PERSON);
}

function witness(track, face) {
  track.box = face.box;
  const now = saying(face);
  track.answers = [...track.answers, now].slice(-TURN.of);
  if (track.said && saying(track.said) === now) track.said = face;
  else if (agreed(track, now, needed(track.said, face))) track.said = face;
}

function needed(said, face) {
  const renames = said?.decision === 'match' && face.decision === 'match';
  return !said || renames ? SAY : TURN;
}

function agreed({ answers }, what, { votes, of }) {
  return answers.slice(-of).filter((answer) => answer === what).length >= votes;
}

// What an answer comes to: doubts of one kind about the same people are the same doubt.
function saying({ decision, reason, subject_id, candidates = [] }) {
  if (decision === 'match') return `match ${subject_id}`;
  if (reason !== 'look_alikes') return `${decision} ${reason}`;
  return [decision, reason, ...candidates.slice(0, 2).map((one) => one.subject_id).sort()].join(' ');
}

function side({ width, height }) {
  return Math.sqrt(width * height);
}

function middle({ x, y, width, height }) {
  return { x: x + width / 2, y: y + height / 2 };
}
