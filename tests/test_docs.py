"""Every snippet in the README and in docs/ does what the page says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from annotate.cli.program import ANNOTATE
from segface_hf.cli.program import SEGFACE

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)( [^\n]*)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)")


def blocks(page, language):
    """(attributes, code, the text block right after it) of every block in a language."""
    found = list(BLOCK.finditer(page.read_text(encoding="utf-8")))
    for index, match in enumerate(found):
        if match[1] == language:
            after = found[index + 1] if index + 1 < len(found) else None
            gap = page.read_text(encoding="utf-8")[match.end() : after.start()] if after else "-"
            follows = after is not None and after[1] == "text" and not gap.strip()
            yield (match[2] or "").strip(), match[3], after[3] if after and follows else None


SNIPPETS = {
    page: [
        (code, output)
        for attributes, code, output in blocks(page, "python")
        if "needs" not in attributes
    ]
    for page in PAGES
}
# Each snippet for itself, but torch is imported once a page.
RUN_EACH = """
import contextlib, io, json, sys
said = []
for number, code in enumerate(json.load(sys.stdin)):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, f"snippet {number}", "exec"), {"__name__": "__main__"})
    said.append(printed.getvalue())
json.dump(said, sys.stdout)
"""
COMMANDS = [
    pytest.param(line, id=f"{page.name}: {line[:60]}")
    for page in PAGES
    for attributes, code, _ in blocks(page, "sh")
    if "needs" not in attributes
    for line in code.splitlines()
    if line.startswith("segface ")
]


@pytest.fixture
def photos(tmp_path):
    """A folder as a reader would have it: photo.jpg beside the script."""
    examples = sorted((ROOT / "examples").glob("*.jpg"))
    shutil.copy(examples[0], tmp_path / "photo.jpg")
    (tmp_path / "photos").mkdir()
    for example in examples[:2]:
        shutil.copy(example, tmp_path / "photos" / example.name)
    return tmp_path


@pytest.mark.parametrize(
    "page", [page for page, found in SNIPPETS.items() if found], ids=lambda page: page.name
)
def test_the_python_snippets_of_a_page_run_and_print_what_it_shows(page, photos):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN_EACH],
        cwd=photos,
        capture_output=True,
        text=True,
        input=json.dumps([code for code, _ in SNIPPETS[page]]),
    )
    assert done.returncode == 0, done.stderr
    for printed, (_, output) in zip(json.loads(done.stdout), SNIPPETS[page], strict=True):
        if output is not None:
            assert printed.strip() == output.strip()


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_in_the_docs_succeeds(line, photos):
    command = [sys.executable, "-m", "segface_hf", *shlex.split(line, comments=True)[1:]]
    done = subprocess.run(command, cwd=photos, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def programs_named_in(page):
    """(program, arguments) of every command of ours, also of those that need data or the Hub."""
    for _, code, _ in blocks(page, "sh"):
        for line in code.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["segface"]:
                yield SEGFACE, words[1:]
            elif words[:3] == ["python", "-m", "annotate"]:
                yield ANNOTATE, words[3:]


def test_every_command_in_the_docs_has_the_options_that_the_page_shows(
    capsys, tmp_path, monkeypatch
):
    (tmp_path / "contributions" / "data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    refused = []
    for page in PAGES:
        for program, words in programs_named_in(page):
            try:
                program.parser(words[:1]).parse_args(words)
            except SystemExit:
                refused.append(f"{page.name}: {words}: {capsys.readouterr().err}")
    assert refused == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_resolve(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [t for t in targets if not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", ["README.md", "docs/rendering.md"])
def test_a_page_that_compares_both_checkpoints_has_the_scores_of_their_cards(page):
    cards = ("segface_hf/weights/README.md", "segface_hf/weights_synthetic/README.md")
    scores = [
        re.search(r"\*\*mean F1 ([\d.]+)\*\*", (ROOT / card).read_text())[1] for card in cards
    ]
    compared = re.findall(
        r"mean F1 of ([\d.]+) (?:against|on photos, the embedded one) ([\d.]+\d)",
        (ROOT / page).read_text(),
    )
    assert compared == [(scores[1], scores[0])]


def test_a_release_has_at_most_40_entries_in_the_changelog() -> None:
    releases = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1:]
    assert all(release.count("\n- ") <= 40 for release in releases)
