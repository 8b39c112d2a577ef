"""The curves of a run, as a picture."""

from xml.etree import ElementTree

from segface_hf.training.report import Progress, curves


def test_curves_draw_the_mean_and_every_class():
    rows = [
        {"step": 10, "mean_f1": 0.25, "f1": {"hat": 0.2, "necklace": None}},
        {"step": 20, "mean_f1": 0.5, "f1": {"hat": 0.4, "necklace": None}},
    ]
    picture = curves(rows)
    assert picture.count("<polyline") == 3
    assert "mean 0.500" in picture
    assert "necklace -" in picture


def test_curves_show_every_class_whatever_its_name_and_however_many_there_are():
    names = [f"part {n} <&>" for n in range(30)]
    picture = ElementTree.fromstring(
        curves([{"step": 10, "mean_f1": 0.5, "f1": dict.fromkeys(names, 0.5)}])
    )
    texts = {text.text: float(text.get("y")) for text in picture.iter() if text.get("y")}
    assert {f"{name} 0.500" for name in names} <= set(texts)
    assert max(texts.values()) < float(picture.get("viewBox").split()[3])


def test_the_bar_of_a_run_predicts_from_the_median_step(capsys):
    now = [0.0]
    with Progress(10, 50, 2, clock=lambda: now[0]) as steps:
        for index in steps:
            now[0] += 60.0 if index in (0, 7) else 1.0  # the first step, and an evaluation
            if index == 20:
                assert steps._bar.format_dict["rate"] == 2.0
                break
