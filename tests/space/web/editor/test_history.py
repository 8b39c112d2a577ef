"""The editor in Chromium: undo and redo of unsaved work that is brought back."""

from __future__ import annotations

import numpy as np


def test_undo_and_redo_go_on_after_a_reload(open_editor):
    editor = open_editor()
    stages = [editor.ids()]
    for y in (40, 90, 140):
        editor.drag([(40, y), (80, y)])
        stages.append(editor.ids())
    editor.press("Control+z")
    editor.reload()
    np.testing.assert_array_equal(editor.bring_back(), stages[2])
    assert editor.text(".fme-past summary") == "History (2)"
    for key, stage in (("y", 3), ("z", 2), ("z", 1), ("z", 0)):
        editor.press(f"Control+{key}")
        np.testing.assert_array_equal(editor.ids(), stages[stage])


def test_an_answer_that_is_undone_after_a_reload_is_asked_again(open_editor):
    editor = open_editor()
    editor.press("n", "f", "f")  # an answer leads to the next region
    editor.reload()
    editor.bring_back()
    editor.press("Control+z", "n")
    assert editor.js("fme.app.guide.at") == 1


def test_a_draft_of_long_work_is_written_in_milliseconds(open_editor):
    """Two hundred steps over the whole of a large photo, of which it keeps the last."""
    editor = open_editor("1024x1024")
    took = editor.js("""(async () => {
      for (let step = 0; step < 200; step++) {
        fme.app.edit('stripes', 'brush', (map) => {
          for (let y = step % 8; y < 1024; y += 8) map.span(y, 0, 1023, step % 19);
        });
      }
      await fme.app.drafts.flush();
      fme.app.drafts.renew(fme.app.work());
      const start = performance.now();
      await fme.app.drafts.flush();
      return performance.now() - start;
    })()""")
    assert took < 500
    editor.reload()
    editor.bring_back()
    assert editor.text(".fme-past summary") == "History (7)"
