// Keeps the open view in the address (?view=correct), so that links and the back button work.
(() => {
  const named = () => new URLSearchParams(location.search).get('view') || 'parse';
  const tab = (view) => document.querySelector(`#views button[role=tab][data-tab-id="${view}"]`);
  let settled = false, chosen = null;
  const follow = (view = named()) => {
    const button = tab(view);
    if (button?.getAttribute('aria-selected') === 'false') button.click();
  };
  const open = () => document.querySelector('#views button[role=tab][aria-selected=true]')?.dataset.tabId;
  window.segfaceView = (view) => {
    // A busy page tells of a view when another one is open already.
    if (!settled || !view || view !== open() || named() === view) return;
    const address = new URL(location.href);
    if (view === 'parse') address.searchParams.delete('view'); else address.searchParams.set('view', view);
    history.pushState({}, '', address);
  };
  // A visitor may have chosen another view while the page came alive.
  const settle = () => {
    settled = true;
    window.segfaceView(open());
  };
  addEventListener('popstate', () => follow());
  // Anything may lead to a view: empty views and messages name the one that helps.
  addEventListener('click', (event) => {
    const way = event.target.closest('[data-view]');
    const view = way?.dataset.view || event.target.closest('#views [role=tab]')?.dataset.tabId;
    // What the visitor asks for while the page comes alive goes before what the address names.
    if (view && (way || event.isTrusted)) chosen = view;
    if (!way) return;
    tab(view)?.click();
    scrollTo(0, 0);
  });
  // The tabs answer only once the page is alive: ask until they do.
  let turns = 0;
  const start = setInterval(() => {
    const wanted = chosen || named();
    if (turns++ > 200 || tab(wanted)?.getAttribute('aria-selected') === 'true') {
      clearInterval(start);
      setTimeout(settle, 100);
    } else follow(wanted);
  }, 100);
})();
