"""SegFace written a second time, from the paper and the published key names, for tests only.

Nothing here is shared with the library: plain functions over a published state dict, attention
spelt out, one picture at a time.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional

from tests.segface_hf.published import TOKENS, ReferenceBackbone

HEADS = 8


class Reference:
    """The published forward of one state dict."""

    def __init__(self, state: dict, backbone: ReferenceBackbone, dataset: str) -> None:
        self.state, self.backbone, self.dataset = state, backbone, dataset

    def logits(self, pixels: torch.Tensor, landmarks: np.ndarray | None = None) -> torch.Tensor:
        """(1, 3, H, W) -> (K, H, W); only LaPa's forward warps."""
        if self.dataset != "lapa":
            return self._plain(pixels)
        forward, inverse = warp_grids(landmarks, *pixels.shape[2:])
        warped = functional.grid_sample(pixels, forward, align_corners=False)
        return functional.grid_sample(self._plain(warped)[None], inverse, align_corners=False)[0]

    def _plain(self, pixels: torch.Tensor) -> torch.Tensor:
        fused = self._fused(self.backbone(pixels))
        _, height, width = fused.shape
        tokens, keys = self._transformer(fused.flatten(1).T, self._positions(height, width))
        maps = self._upscaled(keys.T.reshape(1, 256, height, width))[0]
        weights = self._mlp(tokens)
        logits = torch.einsum("kc,chw->khw", weights, maps)[None]
        size = pixels.shape[2:]
        return functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)[0]

    def _linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def _norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        centered = x - x.mean(-1, keepdim=True)
        scaled = centered / (centered.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return scaled * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]

    def _fused(self, features: list[torch.Tensor]) -> torch.Tensor:
        size = features[0].shape[2:]
        maps = []
        for index, feature in enumerate(features):
            flat = self._linear(f"linear_c.{index}.proj", feature[0].flatten(1).T)
            scale = flat.T.reshape(1, 256, *feature.shape[2:])
            maps.append(
                functional.interpolate(scale, size=size, mode="bilinear", align_corners=False)
            )
        stacked = torch.cat(maps[::-1], dim=1)
        return functional.conv2d(stacked, self.state["linear_fuse.weight"])[0]

    def _positions(self, height: int, width: int) -> torch.Tensor:
        rows = [
            [2 * (x + 0.5) / width - 1, 2 * (y + 0.5) / height - 1]
            for y in range(height)
            for x in range(width)
        ]
        gaussian = self.state["pe_layer.positional_encoding_gaussian_matrix"]
        phases = 2 * math.pi * (torch.tensor(rows) @ gaussian)
        return torch.cat([phases.sin(), phases.cos()], dim=1)

    def _attention(
        self, name: str, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
    ) -> torch.Tensor:
        q, k, v = (self._linear(f"{name}.{p}_proj", x) for p, x in (("q", q), ("k", k), ("v", v)))
        depth = q.shape[1] // HEADS
        mixed = []
        for head in range(HEADS):
            part = slice(head * depth, (head + 1) * depth)
            scores = q[:, part] @ k[:, part].T / math.sqrt(depth)
            mixed.append(scores.softmax(dim=1) @ v[:, part])
        return self._linear(f"{name}.out_proj", torch.cat(mixed, dim=1))

    def _transformer(
        self, keys: torch.Tensor, position: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        names = [f"face_decoder.{token}_token.weight" for token in TOKENS[self.dataset]]
        tokens = torch.cat([self.state[name] for name in names])
        root = "face_decoder.transformer"
        queries = tokens
        for layer in range(2):
            name = f"{root}.layers.{layer}"
            if layer == 0:
                queries = self._attention(f"{name}.self_attn", queries, queries, queries)
            else:
                asked = queries + tokens
                queries = queries + self._attention(f"{name}.self_attn", asked, asked, queries)
            queries = self._norm(f"{name}.norm1", queries)
            asked, shown = queries + tokens, keys + position
            queries = queries + self._attention(
                f"{name}.cross_attn_token_to_image", asked, shown, keys
            )
            queries = self._norm(f"{name}.norm2", queries)
            hidden = self._linear(f"{name}.mlp.lin1", queries).relu()
            queries = self._norm(
                f"{name}.norm3", queries + self._linear(f"{name}.mlp.lin2", hidden)
            )
            asked = queries + tokens
            moved = self._attention(f"{name}.cross_attn_image_to_token", shown, asked, queries)
            keys = self._norm(f"{name}.norm4", keys + moved)
        last = self._attention(
            f"{root}.final_attn_token_to_image", queries + tokens, keys + position, keys
        )
        return self._norm(f"{root}.norm_final_attn", queries + last), keys

    def _upscaled(self, x: torch.Tensor) -> torch.Tensor:
        name = "face_decoder.output_upscaling"
        x = functional.conv_transpose2d(
            x, self.state[f"{name}.0.weight"], self.state[f"{name}.0.bias"], stride=2
        )
        centered = x - x.mean(1, keepdim=True)
        x = centered / (centered.square().mean(1, keepdim=True) + 1e-6).sqrt()
        scale, shift = self.state[f"{name}.1.weight"], self.state[f"{name}.1.bias"]
        x = functional.gelu(x * scale[:, None, None] + shift[:, None, None])
        x = functional.conv_transpose2d(
            x, self.state[f"{name}.3.weight"], self.state[f"{name}.3.bias"], stride=2
        )
        return functional.gelu(x)

    def _mlp(self, tokens: torch.Tensor) -> torch.Tensor:
        name = "face_decoder.output_hypernetwork_mlps.layers"
        hidden = self._linear(f"{name}.0", tokens).relu()
        return self._linear(f"{name}.2", self._linear(f"{name}.1", hidden).relu())


def warp_grids(landmarks: np.ndarray, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Both sampling grids by least squares and scalar formulas, in double precision."""
    size = np.array([width, height], dtype=np.float64)
    standard = np.array([[196, 226], [316, 226], [256, 286], [220, 360.4], [292, 360.4]])
    matrix = _fit(landmarks, standard / 512 * (size - 1))
    y, x = np.mgrid[:height, :width]
    points = np.stack([x, y], axis=-1).reshape(-1, 2)
    frame = points / size * 2 - 1
    straight = (np.vectorize(_unsqueeze)(frame) + 1) / 2 * size
    inverse = np.linalg.inv(matrix)
    source = straight @ inverse[:2, :2].T + inverse[:2, 2]
    target = points @ matrix[:2, :2].T + matrix[:2, 2]
    grids = source / size * 2 - 1, np.vectorize(_squeeze)(target / size * 2 - 1)
    forward, back = (torch.tensor(g.reshape(1, height, width, 2)).float() for g in grids)
    return forward, back


def _fit(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotation, scale and shift by solving the normal equations of x' = a x - b y + c."""
    rows, wanted = [], []
    for (x, y), (to_x, to_y) in zip(source, target, strict=True):
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
        wanted += [to_x, to_y]
    a, b, c, d = np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)[0]
    return np.array([[a, -b, c], [b, a, d], [0, 0, 1]])


def _squeeze(x: float) -> float:
    far = abs(x) - 0.2
    return x if far <= 0 else math.copysign(0.2 + 0.8 * math.tanh(far / 0.8), x)


def _unsqueeze(x: float) -> float:
    far = abs(x) - 0.2
    return x if far <= 0 else math.copysign(0.2 + 0.8 * math.atanh(min(far / 0.8, 0.999)), x)
