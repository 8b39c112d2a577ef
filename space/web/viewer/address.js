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
    // On a busy page the event may come when another view is open already.
    if (!settled || !view || view !== open() || named() === view) return;
    const address = new URL(location.href);
    if (view === 'parse') address.searchParams.delete('view'); else address.searchParams.set('view', view);
    history.pushState({}, '', address);
  };
  // A visitor may have chosen another view while the page loaded.
  const settle = () => {
    settled = true;
    window.segfaceView(open());
  };
  addEventListener('popstate', () => follow());
  // Any element with data-view opens that view: messages and empty views use it.
  addEventListener('click', (event) => {
    const way = event.target.closest('[data-view]');
    const view = way?.dataset.view || event.target.closest('#views [role=tab]')?.dataset.tabId;
    // What the visitor chooses while the page loads takes precedence over the address.
    if (view && (way || event.isTrusted)) chosen = view;
    if (!way) return;
    tab(view)?.click();
    scrollTo(0, 0);
  });
  // The tabs react only once the page has loaded: retry until they do.
  let turns = 0;
  const start = setInterval(() => {
    const wanted = chosen || named();
    if (turns++ > 200 || tab(wanted)?.getAttribute('aria-selected') === 'true') {
      clearInterval(start);
      setTimeout(settle, 100);
    } else follow(wanted);
  }, 100);
})();
