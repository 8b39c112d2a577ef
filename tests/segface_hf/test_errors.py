"""The error tree that the docs call complete is."""

from segface_hf import errors


def below(kind):
    return {kind, *(one for child in kind.__subclasses__() for one in below(child))}


def test_the_tree_names_every_error():
    ours = {one.__name__ for one in below(errors.SegFaceError) if one.__module__ == errors.__name__}
    assert "DivergedError" in ours
    assert [
        name for name in sorted(ours) if f" {name} " not in f"{errors.__doc__} ".replace("\n", " ")
    ] == []
