// The list of saved rows: each has buttons to open it again, download it and delete it.

const DELETE = 'Delete this correction? Its photo and mask are removed from where they are kept.';

/** What a button asks for: [event, data]; null where it asks for nothing. */
export function requestOf({ act, id, kind }, confirmed) {
  if (act === 'reopen') return ['reopen', { id }];
  if (act === 'file') return ['wanted', { id, kind }];
  return act === 'delete' && confirmed(DELETE) ? ['remove', { id }] : null;
}

/** Entry point: gr.HTML runs this once with its own element and trigger. */
export function mount({ element, trigger }) {
  element.addEventListener('click', ({ target }) => {
    const button = target.closest('button[data-act]');
    if (!button) return;
    const request = requestOf(button.dataset, (question) => window.confirm(question));
    if (request) trigger(...request);
    button.closest('details')?.removeAttribute('open');
  });
}
