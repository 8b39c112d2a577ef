import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from segface_hf.errors import ImageError
from space.errors import TooFastError, VisitError
from space.handlers import api
from space.handlers.downloads import make_download
from space.handlers.parse import (
    Request,
    as_sentence,
    compare_models,
    parse_again,
    parse_photo,
    parse_photos,
    reduced,
)
from space.handlers.save import ConsentForm
from tests.space.conftest import WHO, noise, painted_parser, png

ASK = Request("visitor", "embedded")


def jpeg(image):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def bomb(side=40_000):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_a_photo_is_parsed_in_its_own_pixels(services, photo_file):
    parsed = parse_photo(services, photo_file(noise(96, 80)), request=ASK)
    parse = parsed.photo.parse
    assert parse.mask.shape == (80, 96)
    assert len(parse.faces) == 1
    assert "earring" in parse.present()
    assert parse.confidence is not None
    assert parsed.note == ""


def test_an_open_photo_keeps_the_exact_pixels(services, photo_file):
    image = noise()
    parsed = parse_photo(services, photo_file(image), request=ASK)
    assert np.array_equal(np.asarray(parsed.photo.image), np.asarray(image))


def test_a_large_photo_is_parsed_in_its_own_size_and_shown_smaller(with_settings, photo_file):
    services = with_settings(max_side=64)
    image = noise(128, 96)
    parsed = parse_photo(services, photo_file(image), request=ASK)
    alone = painted_parser().parse(image)
    photo = services.photos.get(parsed.photo.key)
    mask = Image.open(io.BytesIO(make_download("mask", photo)[1]))
    assert np.array_equal(np.asarray(mask), alone.mask)
    assert photo.parse.mask.shape == (48, 64)
    assert photo.image.size == (64, 48)
    assert photo.parse.faces[0].box == pytest.approx([v / 2 for v in alone.faces[0].box])
    assert parsed.note == (
        "It is shown and corrected at 64 x 48 pixels; the downloaded mask has all 128 x 96."
    )
    other = Request("visitor", "org/other")
    beside = compare_models(services, photo.key, request=other)
    assert beside.sentence == "org/other differs in 0.0 % of the face pixels: it is on the left."
    assert beside.mask.shape == (48, 64)
    again = parse_again(services, photo.key, request=other)
    assert np.array_equal(again.photo.full_mask, alone.mask)


def test_a_script_gets_a_large_photo_in_its_own_pixels_and_can_save_it(with_settings, photo_file):
    services = with_settings(max_side=64)
    image = noise(128, 96)
    answer = api.parse(services, str(photo_file(image)), request=ASK)
    alone = painted_parser().parse(image)
    assert (answer.summary["width"], answer.summary["height"]) == (128, 96)
    assert answer.summary["faces"][0]["box"] == pytest.approx(alone.faces[0].box, abs=0.1)
    areas = {row["id"]: row["area"] for row in answer.summary["classes"]}
    assert areas == {i: int((alone.mask == i).sum()) for i in np.unique(alone.mask)}
    form = ConsentForm()
    saved = api.save(services, answer.summary["photo"], str(answer.mask), form=form, who=WHO)
    assert saved["created"]
    assert saved["changed"] == {}


def test_a_photo_with_a_side_that_no_browser_shows_is_refused(services, photo_file):
    with pytest.raises(ImageError, match="66000 x 1 pixels: a side may have at most 65,500"):
        parse_photo(services, photo_file(noise(66_000, 1)), request=ASK)


def test_a_photo_without_a_face_has_no_faces_until_the_whole_picture_is_parsed(
    services, photo_file
):
    plain = photo_file(Image.new("RGB", (90, 90), "grey"))
    parsed = parse_photo(services, plain, request=ASK)
    assert parsed.photo.parse.faces == ()
    assert not parsed.photo.parse.mask.any()
    whole = parse_again(
        services, parsed.photo.key, request=Request("visitor", "embedded", whole_image=True)
    )
    assert len(whole.photo.parse.faces) == 1
    assert whole.photo.parse.mask.any()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"certainly not a picture", "not a picture"),
        (jpeg(noise(64, 64))[:2000], "damaged|truncated"),
        (bomb(), "pixels"),
        (b"", "empty"),
    ],
)
def test_a_bad_file_is_refused_with_one_sentence_and_nothing_is_written(
    services, photo_file, content, message
):
    path = photo_file(content, "visitors-holiday.png")
    with pytest.raises(ImageError, match=message) as caught:
        parse_photo(services, path, request=ASK)
    sentence = as_sentence(caught.value)
    assert sentence.count("\n") == 0
    assert "visitors-holiday" not in sentence
    assert not services.settings.cache.exists()


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (1, 1)),
        noise().convert("L"),
        noise().convert("P"),
        noise().convert("RGBA"),
        Image.fromarray(np.full((20, 30), 40_000, np.uint16)),
    ],
    ids=["1 x 1", "grey", "palette", "transparent", "16 bits"],
)
def test_every_kind_of_picture_is_opened(services, photo_file, image):
    parsed = parse_photo(services, photo_file(image), request=ASK)
    assert parsed.photo.parse.mask.shape == (image.height, image.width)


def test_a_file_above_the_upload_limit_is_refused(with_settings, photo_file):
    services = with_settings(max_upload_mb=1)
    with pytest.raises(ImageError, match="larger than 1 MB"):
        parse_photo(services, photo_file(b"0" * 1_000_001), request=ASK)


def test_one_bad_photo_of_several_does_not_stop_the_others(services, photo_file):
    paths = [
        photo_file(noise(seed=1), "a.png"),
        photo_file(b"nothing", "b.png"),
        photo_file(noise(seed=2), "c.png"),
    ]
    batch = parse_photos(services, paths, request=ASK)
    assert len(batch.parsed) == 2
    assert [problem[:8] for problem in batch.problems] == ["Photo 2:"]


def test_another_model_can_be_compared_with_the_one_in_use(services, photo_file):
    key = parse_photo(services, photo_file(), request=ASK).photo.key
    beside = compare_models(services, key, request=Request("visitor", "org/other"))
    assert beside.sentence == "org/other differs in 0.0 % of the face pixels: it is on the left."
    assert np.array_equal(beside.mask, services.photos.get(key).parse.mask)


def test_of_too_many_photos_the_first_are_parsed_and_the_others_named(with_settings, photo_file):
    services = with_settings(max_photos=2)
    paths = [str(photo_file(noise(seed=i), f"{i}.png")) for i in range(5)]
    batch = parse_photos(services, paths, request=ASK)
    assert len(batch.parsed) == 2
    sentence = "At most 2 photos are parsed at once: choose the last 3 of the 5 again."
    assert batch.problems == (sentence,)
    summaries, masks = api.parse_many(services, paths, request=ASK)
    assert [summary.get("error") for summary in summaries] == [None, None, *[sentence] * 3]
    assert len(masks) == 2


def test_a_limit_counts_before_a_picture_is_decoded(with_settings, photo_file):
    services = with_settings(parses_per_minute=1)
    for error in (ImageError, TooFastError):
        with pytest.raises(error):
            parse_photo(services, photo_file(b"not a picture"), request=ASK)


def test_parsing_without_a_photo_asks_for_one(services):
    with pytest.raises(VisitError, match="Choose a photo"):
        parse_photos(services, [], request=ASK)


def test_a_visitor_who_parses_too_fast_sees_when_to_try_again(with_settings, photo_file):
    services = with_settings(parses_per_minute=2)
    path = photo_file()
    for _ in range(2):
        parse_photo(services, path, request=ASK)
    with pytest.raises(TooFastError, match="try again in"):
        parse_photo(services, path, request=ASK)
    assert parse_photo(services, path, request=Request("another", "embedded")).photo.key


def test_a_reduced_picture_keeps_its_shape():
    assert reduced(noise(200, 100), 50).size == (50, 25)
    assert reduced(noise(40, 30), 50).size == (40, 30)
    assert reduced(noise(500, 1), 50).size == (50, 1)


def test_a_message_becomes_a_sentence():
    assert as_sentence(ValueError("no such\n file")) == "No such file."
    assert png(noise())[:4] == b"\x89PNG"
