// Keeps the open view in the address (?view=correct), so that links and the back button work.
(() => {
  const named = () => new URLSearchParams(location.search).get('view') || 'parse';
  const tab = (view) => document.querySelector(`#views button[role=tab][data-tab-id="${view}"]`);
  let following = false, settled = false;
  const follow = () => {
    const button = tab(named());
    if (!button || button.getAttribute('aria-selected') === 'true') return;
    following = true;
    button.click();
    following = false;
  };
  window.segfaceView = (view) => {
    if (!settled || following || named() === view) return;
    const address = new URL(location.href);
    if (view === 'parse') address.searchParams.delete('view'); else address.searchParams.set('view', view);
    history.pushState({}, '', address);
  };
  // A visitor may have chosen another view while the page came alive.
  const settle = () => {
    settled = true;
    const chosen = document.querySelector('#views button[role=tab][aria-selected=true]');
    if (chosen) window.segfaceView(chosen.dataset.tabId);
  };
  addEventListener('popstate', follow);
  // Anything may lead to a view: empty views and messages name the one that helps.
  addEventListener('click', (event) => {
    const way = event.target.closest('[data-view]');
    if (!way) return;
    tab(way.dataset.view)?.click();
    scrollTo(0, 0);
  });
  // The tabs answer only once the page is alive: ask until they do, or the visitor chose for us.
  let turns = 0;
  const start = setInterval(() => {
    const button = tab(named());
    if (turns++ > 200 || button?.getAttribute('aria-selected') === 'true') {
      clearInterval(start);
      setTimeout(settle, 100);
    } else follow();
  }, 100);
})();
