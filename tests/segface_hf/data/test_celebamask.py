"""CelebAMask-HQ's pictures of parts become data folders, with necklaces that are whole."""

import shutil

import numpy as np
import pytest
from PIL import Image

from segface_hf.cli.program import main
from segface_hf.data.celebamask import MAPPING, PARTS, PHOTOS, painting
from segface_hf.data.folder import find_pairs, read_pair
from segface_hf.labels import CELEBAMASK_HQ
from tests.segface_hf.training.drawn import draw_face

NECK, CLOTH, EARRING, NECKLACE = map(CELEBAMASK_HQ.id_of, ("neck", "cloth", "earring", "necklace"))
# Where annotators mark both: the chain lies on the neck, the earring hangs before it.
CHAIN = (slice(52, 55), slice(20, 48))
DROP = (slice(44, 50), slice(20, 23))


def write_faces(root, originals):
    """Faces 0, 1, ... as CelebAMask-HQ has them: photos twice as large as the pictures of parts."""
    names = {part: name for name, part in painting(published=True)}
    lines = ["idx    orig_idx    orig_file"]
    for number, original in enumerate(originals):
        pixels, mask = draw_face(number, glasses=False)
        areas = {names[int(index)]: mask == index for index in np.unique(mask) if index}
        areas |= {"neck": np.zeros(mask.shape, bool), "neck_l": np.zeros(mask.shape, bool)}
        areas |= {"ear_r": np.zeros(mask.shape, bool)}
        areas["neck"][40:64, 18:50] = areas["neck_l"][CHAIN] = areas["ear_r"][DROP] = True
        folder = root / PARTS / str(number // 2)
        folder.mkdir(parents=True, exist_ok=True)
        for name, area in areas.items():
            channels = np.repeat(area[..., None], 3, 2).astype(np.uint8) * 255
            Image.fromarray(channels).save(folder / f"{number:05d}_{name}.png")
        (root / PHOTOS).mkdir(exist_ok=True)
        Image.fromarray(pixels).resize((128, 128)).save(root / PHOTOS / f"{number}.jpg")
        lines.append(f"{number}    {original - 1}    {original:06d}.jpg")
    (root / MAPPING).write_text("\n".join(lines) + "\n")


@pytest.fixture
def source(tmp_path):
    write_faces(tmp_path / "CelebAMask-HQ", [7, 162_770, 162_771, 182_638])
    return tmp_path / "CelebAMask-HQ"


def made(source, out, *options):
    assert main(["celebamask", str(source), "--out", str(out), *options]) == 0
    pairs = [pair for name in ("train", "val", "test") for pair in find_pairs(out / name)]
    return [read_pair(pair, CELEBAMASK_HQ) for pair in pairs]


def test_faces_go_to_the_sets_of_celeba_with_photos_of_the_masks_size(source, tmp_path, capsys):
    faces = made(source, tmp_path / "faces")
    assert "4 faces in" in (shown := capsys.readouterr().out)
    assert "train 2, val 1, test 1" in shown
    assert {photo.size for photo, _ in faces} == {(64, 64)}
    for number, (photo, mask) in enumerate(faces):
        pixels, drawn = draw_face(number, glasses=False)
        assert np.abs(np.asarray(photo).astype(int) - pixels).mean() < 12
        upper = slice(0, 40)
        np.testing.assert_array_equal(mask[upper], drawn[upper])


def test_worn_parts_cover_the_neck_except_in_the_published_order(source, tmp_path):
    ours = made(source, tmp_path / "ours")
    published = made(source, tmp_path / "published", "--published-order")
    for (_, whole), (_, hidden) in zip(ours, published, strict=True):
        assert (whole[CHAIN] == NECKLACE).all()
        assert (whole[DROP] == EARRING).all()
        assert not np.isin(hidden, (EARRING, NECKLACE)).any()
        assert (hidden[CHAIN] == NECK).all()


def test_both_orders_paint_every_part_of_the_data_set():
    for published in (True, False):
        assert sorted(index for _, index in painting(published=published)) == list(range(1, 19))
    assert [index for _, index in painting(published=True)][-2:] == [NECK, CLOTH]


def test_a_second_call_resumes_and_the_other_order_is_refused(source, tmp_path, capsys):
    out = tmp_path / "faces"
    made(source, out)
    mask = out / "train" / "masks" / "00000.png"
    before = mask.stat().st_mtime_ns
    lost = out / "test" / "masks" / "00003.png"
    lost.unlink()
    made(source, out)
    assert lost.exists()
    assert mask.stat().st_mtime_ns == before
    assert main(["celebamask", str(source), "--out", str(out), "--published-order"]) == 2
    assert "masks made with 'earrings and necklaces last, three sets'" in capsys.readouterr().err
    (source / MAPPING).unlink()
    assert main(["celebamask", str(source), "--out", str(out)]) == 2
    assert "these would be 'earrings and necklaces last, one set'" in capsys.readouterr().err


def test_other_masks_in_the_folder_are_refused_and_not_changed(source, tmp_path, capsys):
    mask = tmp_path / "theirs" / "train" / "masks" / "00000.png"
    mask.parent.mkdir(parents=True)
    mask.write_bytes(b"theirs")
    assert main(["celebamask", str(source), "--out", str(tmp_path / "theirs")]) == 2
    assert "holds other files (['train'])" in capsys.readouterr().err
    assert mask.read_bytes() == b"theirs"


def test_a_mapping_without_its_first_line_and_hidden_files_change_nothing(source, tmp_path, capsys):
    lines = (source / MAPPING).read_text().splitlines()
    (source / MAPPING).write_text("\n".join(lines[1:]))
    (source / PARTS / "0" / "._00000_skin.png").write_bytes(b"of a Mac")
    shutil.copy(source / PHOTOS / "0.jpg", source / PHOTOS / "9.jpg")
    assert len(made(source, tmp_path / "faces")) == 4
    assert "left out, because no part is labeled: 1 photo" in capsys.readouterr().err


def test_without_the_mapping_there_is_one_set(source, tmp_path, capsys):
    (source / MAPPING).unlink()
    assert main(["celebamask", str(source), "--out", str(tmp_path / "faces")]) == 0
    assert len(find_pairs(tmp_path / "faces")) == 4
    assert "one set, because the mapping" in capsys.readouterr().out


def no_photos(source):
    shutil.rmtree(source / PHOTOS)


def no_parts(source):
    for path in (source / PARTS).rglob("*.png"):
        path.unlink()


def lost_photo(source):
    (source / PHOTOS / "2.jpg").unlink()


def strange_part(source):
    (source / PARTS / "0" / "00000_beard.png").write_bytes(b"")


def broken_part(source):
    (source / PARTS / "0" / "00000_skin.png").write_bytes(b"\x89PNG broken")


def broken_photo(source):
    (source / PHOTOS / "1.jpg").write_bytes(b"broken")


def small_part(source):
    Image.new("L", (32, 32)).save(source / PARTS / "0" / "00000_skin.png")


def short_mapping(source):
    (source / MAPPING).write_text("idx orig_idx orig_file\n0 6 000007.jpg\n")


def broken_mapping(source):
    (source / MAPPING).write_text("idx orig_idx orig_file\n")


@pytest.mark.parametrize(
    ("spoil", "shown"),
    [
        (no_photos, f"lacks {PHOTOS}"),
        (no_parts, "holds no pictures of parts"),
        (lost_photo, "2.jpg is missing"),
        (strange_part, "00000_beard.png is not a part"),
        (broken_part, "00000_skin.png can't be read"),
        (broken_photo, "1.jpg can't be read"),
        (small_part, "parts of photo 0 differ in size"),
        (short_mapping, "lacks photo 1"),
        (broken_mapping, "expected lines such as '0 119613 119614.jpg'"),
    ],
)
def test_unusable_files_are_named(source, tmp_path, capsys, spoil, shown):
    spoil(source)
    assert main(["celebamask", str(source), "--out", str(tmp_path / "faces")]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert shown in said
