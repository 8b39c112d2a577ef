"""Terms: the datasets that checkpoints learnt from, what their authors allow, and their papers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from segface_hf.config import SegFaceConfig

OTHER = "other"  # what the Hub calls a licence that its list doesn't have


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
    "pictures. Whoever uses these weights should assume that the limit reaches them too.",
    """@inproceedings{lee2020maskgan,
  title={MaskGAN: Towards Diverse and Interactive Facial Image Manipulation},
  author={Lee, Cheng-Han and Liu, Ziwei and Wu, Lingyun and Luo, Ping},
  booktitle={IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year={2020}
}""",
)
_LAPA = Dataset(
    "LaPa",
    "It is offered to academic and non-academic entities for non-commercial purposes. Whoever uses "
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
    "Helen (relabelled, HELEN*)",
    "Its pictures were gathered from Flickr and keep their owners' rights; the relabelled set "
    "states no licence. Clear the rights before any use beyond research.",
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
