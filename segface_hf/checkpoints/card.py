"""Model cards: what a checkpoint is, how to use it, its classes, and whose rights apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from segface_hf.checkpoints import upstream
from segface_hf.config import SegFaceConfig

OTHER = "other"  # what the Hub calls a license that its list doesn't have


@dataclass(frozen=True)
class Dataset:
    """A training dataset: its name, the terms its authors state, and their paper.

    Attributes:
        name: As its authors write it.
        terms: One or two sentences.
        citation: BibTeX.
    """

    name: str
    terms: str
    citation: str


_CELEBAMASK_HQ = Dataset(
    "CelebAMask-HQ",
    "Its agreement allows non-commercial research and education only and no redistribution of the "
    "pictures. Users of these weights should assume that the limit reaches them too.",
    """@inproceedings{lee2020maskgan,
  title={MaskGAN: Towards Diverse and Interactive Facial Image Manipulation},
  author={Lee, Cheng-Han and Liu, Ziwei and Wu, Lingyun and Luo, Ping},
  booktitle={IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year={2020}
}""",
)
_LAPA = Dataset(
    "LaPa",
    "It is offered to academic and non-academic entities for non-commercial purposes. Who uses "
    "these weights should assume that the limit reaches them too.",
    """@inproceedings{liu2020new,
  title={A New Dataset and Boundary-Attention Semantic Segmentation for Face Parsing},
  author={Liu, Yinglu and Shi, Hailin and Shen, Hao and Si, Yue and Wang, Xiaobo and Mei, Tao},
  booktitle={AAAI},
  pages={11637--11644},
  year={2020}
}""",
)
_HELEN = Dataset(
    "Helen (relabeled, HELEN*)",
    "Its pictures were gathered from Flickr and keep their owners' rights; the relabeled set "
    "states no license. Clear the rights before any use beyond research.",
    """@inproceedings{lin2019face,
  title={Face Parsing with RoI Tanh-Warping},
  author={Lin, Jinpeng and Yang, Hao and Chen, Dong and Zeng, Ming and Wen, Fang and Yuan, Lu},
  booktitle={IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  pages={5654--5663},
  year={2019}
}""",
)
DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {"celebamask_hq": _CELEBAMASK_HQ, "lapa": _LAPA, "helen": _HELEN}
)


def is_published(config: SegFaceConfig) -> bool:
    """Whether a checkpoint was converted from a file; only conversion records a digest."""
    return bool(config.source_digest)


def datasets_behind(config: SegFaceConfig) -> tuple[Dataset, ...]:
    """Returns the datasets that a checkpoint is known to have learnt from.

    A converted one learnt from the dataset of its classes; any other one may have the classes
    without the data, and its source names what it learnt from.
    """
    if is_published(config):
        return tuple(data for schema, data in DATASETS.items() if schema == config.schema)
    return tuple(data for data in DATASETS.values() if data.name in config.source)


LIBRARY = "segface-hf"
PLACEHOLDER = "org/name"  # in usage lines, until the checkpoint is published somewhere
UNFINISHED = "say so here before you publish them"  # where only the owner of photos knows
_UPSTREAM_CODE = "https://github.com/Kartik-3004/SegFace"
_PAPER = "https://arxiv.org/abs/2412.08647"
_SEGFACE_CITATION = """@inproceedings{narayan2025segface,
  title={Segface: Face segmentation of long-tail classes},
  author={Narayan, Kartik and Vs, Vibashan and Patel, Vishal M},
  booktitle={Proceedings of the AAAI Conference on Artificial Intelligence},
  volume={39},
  number={6},
  pages={6182--6190},
  year={2025}
}"""


def model_card(config: SegFaceConfig, *, repo_id: str = PLACEHOLDER) -> str:
    """Writes the `README.md` of a checkpoint.

    Args:
        config: The checkpoint's configuration; everything in the card follows from it.
        repo_id: Where it will live on the Hub, for the usage lines.

    Returns:
        Markdown with the Hub's front matter.
    """
    sections = [
        _front_matter(config),
        _introduction(config),
        _usage(config, repo_id),
        _labels(config),
    ]
    if is_published(config):
        sections.append(_reported(config))
    sections += [_limits(config), _licenses(config), _citation(config)]
    return "\n".join(section.strip() + "\n" for section in sections)


def _front_matter(config: SegFaceConfig) -> str:
    lines = [
        *license_lines(config.license or OTHER),
        f"library_name: {LIBRARY}",
        "pipeline_tag: image-segmentation",
    ]
    if is_published(config):
        lines.append(f"base_model: {upstream.REPOSITORY}")
    tags = ["face-parsing", "semantic-segmentation", "segface", config.schema]
    return "\n".join(["---", *lines, "tags:", *(f"- {tag}" for tag in tags), "---"])


def license_lines(license: str) -> list[str]:
    """Returns the lines of a card's metadata about a license; none where it is unknown."""
    named = ["license_name: see-the-card"] if license == OTHER else []
    return [f"license: {license}", *named] if license else []


def _introduction(config: SegFaceConfig) -> str:
    labels = config.labels
    origin = (
        f"Converted without loss from `{config.source}` (`{config.source_digest}`), a checkpoint "
        "of the kind that the authors of SegFace publish at "
        f"[{upstream.REPOSITORY}](https://huggingface.co/{upstream.REPOSITORY}): "
        "same architecture, same weights, the same logits within 1e-4, no pickle."
        if is_published(config)
        else f"Source: {config.source or 'not stated'}."
    )
    return f"""
# SegFace, {config.backbone}, {config.resolution} pixels, {labels.num_classes} classes

Face parsing: a face crop in, a class for every pixel out, with one learnable token a class
([paper]({_PAPER}), [authors' code]({_UPSTREAM_CODE})).

{origin}

| | |
| --- | --- |
| backbone | `{config.backbone}` |
| input | {config.resolution} x {config.resolution} RGB, mean {config.mean}, std {config.std} |
| warp | {_WARPS[config.warp]} |
| label schema | `{config.schema}` |
"""


_WARPS: Mapping[str, str] = MappingProxyType(
    {
        "none": "none",
        "identity": "none; landmarks are asked for, as the published forward does, and not used",
        "tanh": "five-landmark alignment and tanh warp of factor 0.8, forward and back",
    }
)


def _usage(config: SegFaceConfig, repo_id: str) -> str:
    size = config.resolution
    call = "model(pixels)" if config.warp == "none" else "model(pixels, landmarks)"
    landmarks = (
        ""
        if config.warp == "none"
        else "\n# landmarks: (1, 5, 2) x and y in input pixels: image-left eye, image-right eye,\n"
        "# nose, image-left and image-right mouth corner"
    )
    return f"""
## Usage

```bash
pip install {LIBRARY}
segface parse photo.jpg --model {repo_id}
```

```python
from PIL import Image
from segface_hf import FaceParser

parse = FaceParser.from_pretrained("{repo_id}").parse(Image.open("photo.jpg"))
parse.mask  # (height, width) uint8 of class ids, in the photo's own pixels
```

The model alone, on aligned crops:

```python
from segface_hf import SegFace

model = SegFace.from_pretrained("{repo_id}")
# pixels: (1, 3, {size}, {size}) RGB, normalized as config.json says{landmarks}
mask = {call}.argmax(1)
```
"""


def _labels(config: SegFaceConfig) -> str:
    labels = config.labels
    rows = [
        f"| {index} | {name} | #{r:02x}{g:02x}{b:02x} | {labels.names[labels.mirror_ids[index]]} |"
        for index, (name, (r, g, b)) in enumerate(zip(labels.names, labels.colors, strict=True))
    ]
    table = "\n".join(rows)
    return f"""
## Classes

Left and right are the subject's: `l_eye` is on the right of a picture of a person who looks at the
camera. `l_lip` and `u_lip` are the lower and the upper lip. The last column is the class that a
pixel has after the picture is flipped left to right.

| id | class | color | flipped |
| --- | --- | --- | --- |
{table}
"""


def _reported(config: SegFaceConfig) -> str:
    folder = _published_folder(config.source)
    if folder is None or folder.mean_f1 is None:
        return """
## Scores

Upstream reports no score for this file that could be traced to it; none is repeated here.
"""
    data = DATASETS[config.schema].name
    return f"""
## Scores

| reported by | data | mean F1 |
| --- | --- | --- |
| upstream's README, for `{folder.name}` | {data} | {folder.mean_f1:.2f} |

The figure is upstream's; it was not measured again with these weights.
"""


def _published_folder(source: str) -> upstream.PublishedFolder | None:
    """The published folder that a source names, in upstream's repository or on a disk."""
    parts = source.removeprefix(f"{upstream.REPOSITORY}/").split("/")
    return upstream.parse_folder(parts[0]) if len(parts) == 2 else None


def _limits(config: SegFaceConfig) -> str:
    data = " and ".join(data.name for data in datasets_behind(config))
    rare = "Accessories are its weakest classes. " if config.labels.tail else ""
    trained = f"It learnt from {data}" if data else "It learnt from the data named above"
    return f"""
## Limits

{rare}A face that is strongly turned, covered or very small is parsed worse.
{trained}, whose people, poses and lighting are not everyone's: measure on your own pictures before
you rely on it. It tells parts of faces; it identifies no one.
"""


def _licenses(config: SegFaceConfig) -> str:
    unknown = "What the source above names, under its terms." if config.source else "Not stated."
    known = " ".join(f"{data.name}. {data.terms}" for data in datasets_behind(config))
    return f"""
## Licenses

- Code of `{LIBRARY}`: Apache-2.0. The authors' code: MIT.
- Weights: {_weights(config)}
- Training data: {known or unknown}
"""


def _weights(config: SegFaceConfig) -> str:
    if is_published(config):
        return f"{upstream.LICENSE.upper()}, as the authors' model card states."
    if config.license != OTHER:
        return f"{config.license or 'Not stated'}."
    source = config.source or "not stated"
    if DATASETS["celebamask_hq"] in datasets_behind(config):
        return f"for non-commercial research only. Source: {source}."
    return f"under the terms of their source: {source}."


def _citation(config: SegFaceConfig) -> str:
    entries = [_SEGFACE_CITATION, *(data.citation for data in datasets_behind(config))]
    joined = "\n\n".join(entries)
    return f"""
## Citation

```bibtex
{joined}
```
"""
