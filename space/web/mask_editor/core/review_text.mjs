// What the review of uncertain regions says. No DOM.

/** "0 of 7 reviewed". */
export function progressText({ reviewed, total }) {
  return total ? `${reviewed} of ${total} reviewed` : 'none';
}

/**
 * The question about a region, or what to do next.
 * @param {{names: string[]|null, total: number, reviewed: number, open: boolean}} review
 *   names: the label and the second guess of the region in question; open: whether one is left
 */
export function questionText({ names, total, reviewed, open }) {
  if (names) return `Labeled ${names[0]}. Should this be ${names[1]}?`;
  if (!total) return 'The model is sure everywhere.';
  if (!open) return 'All regions are reviewed.';
  if (reviewed) return 'Press Next to continue.';
  const places = total === 1 ? '1 place' : `${total} places`;
  return `The model is unsure in ${places}. Press Next to check the most important one.`;
}
