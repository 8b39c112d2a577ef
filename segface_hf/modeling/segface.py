"""SegFace: backbone, fusion to face tokens and decoder; loading, saving and upload."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from segface_hf._utils import check_device
from segface_hf.checkpoints import files, find
from segface_hf.config import SegFaceConfig
from segface_hf.errors import LandmarksRequiredError, OutputError
from segface_hf.modeling.backbones import build_backbone
from segface_hf.modeling.decoder import Decoder, resized


class Projection(nn.Module):
    """A 1x1 projection of one scale's channels: (B, C, h, w) -> (B, width, h, w)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, channels))
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight[:, :, None, None], self.bias)


class Refinement(nn.Module):
    """Normalization, ReLU and a depthwise residual on face tokens; not in the paper."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.residual = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(x))
        return x + self.residual(x)


class Fusion(nn.Module):
    """Projects every scale to one width, resizes to the finest, and mixes them."""

    def __init__(self, channels: tuple[int, ...], width: int, *, refine: bool) -> None:
        super().__init__()
        self.projections = nn.ModuleList(Projection(count, width) for count in channels)
        self.mix = nn.Conv2d(width * len(channels), width, 1, bias=False)
        self.refine = Refinement(width) if refine else None

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, h_i, w_i), shallow first -> (B, width, h_0, w_0)."""
        size = features[0].shape[-2:]
        pairs = zip(self.projections, features, strict=True)
        maps = [resized(project(x), size) for project, x in pairs]
        # The published 1x1 convolution takes the deepest scale first.
        fused = self.mix(torch.cat(maps[::-1], dim=1))
        return fused if self.refine is None else self.refine(fused)


class SegFace(nn.Module):
    """Face parsing with one learnable token per class (Narayan et al., AAAI 2025).

    Construction never downloads and gives random weights; `from_pretrained` loads them.

    Example:
        >>> model = SegFace.from_pretrained("folder or org/name")
        >>> logits = model(pixels)  # (B, 3, H, W) normalized -> (B, K, H, W)

    Args:
        config: Architecture, labels and preprocessing.
    """

    def __init__(self, config: SegFaceConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SegFaceConfig()
        self.backbone, self.pyramid = build_backbone(config.backbone, detail=config.detail)
        self.fusion = Fusion(self.pyramid.channels, config.width, refine=config.refine)
        self.decoder = Decoder(
            width=config.width,
            num_classes=config.labels.num_classes - len(config.added_classes),
            added=len(config.added_classes),
            depth=config.depth,
            heads=config.heads,
            mlp_dim=config.mlp_dim,
            upscale_dims=config.upscale_dims,
            detail_channels=self.pyramid.detail_channels,
            class_bias=config.class_bias,
            head_scales=config.scale_of_heads,
        )

    def forward(self, pixels: Tensor, landmarks: Tensor | None = None) -> Tensor:
        """Returns the logits of every class at the input's resolution.

        Args:
            pixels: (B, 3, H, W) RGB, normalized with `config.mean` and `config.std`.
            landmarks: (B, 5, 2) x and y in input pixels: image-left eye, image-right eye, nose,
                image-left and image-right mouth corner. Needed where `config.warp` is `tanh`.

        Returns:
            (B, K, H, W) logits.

        Raises:
            LandmarksRequiredError: The model warps its input and got no landmarks.
        """
        if self.config.warp != "none":
            landmarks = self.check_landmarks(pixels, landmarks)
        if self.config.warp != "tanh" or landmarks is None:
            return resized(self.logits(pixels), pixels.shape[-2:])
        from segface_hf.modeling.warp import unwarp_logits, warp_input

        warped, warp = warp_input(pixels, landmarks)
        return unwarp_logits(resized(self.logits(warped), warped.shape[-2:]), warp)

    def check_landmarks(self, pixels: Tensor, landmarks: Tensor | None) -> Tensor:
        """Checks the shape of landmarks and returns them."""
        expected = (pixels.shape[0], 5, 2)
        if landmarks is None:
            raise LandmarksRequiredError(
                f"a '{self.config.schema}' model aligns faces by landmarks: give landmarks of "
                f"shape {expected} in input pixels, or use FaceParser, which finds them"
            )
        if tuple(landmarks.shape) != expected:
            raise LandmarksRequiredError(
                f"landmarks must have shape {expected}, got {tuple(landmarks.shape)}"
            )
        return landmarks

    def logits(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, K, h, w) at the decoder's own resolution, without any warp."""
        features, detail = self.pyramid.features(self.backbone, pixels)
        return self.decoder(self.fusion(features), detail)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        revision: str | None = None,
        token: str | None = None,
        device: str | torch.device = "cpu",
    ) -> SegFace:
        """Loads a checkpoint of this format, strictly; it never unpickles.

        Args:
            source: `embedded` or `synthetic`, which ship with the package; a folder; `org/name`
                on the Hub (from the cache when offline); or `hub:org/repo/folder`, a published
                checkpoint, which is converted once without running what its pickle says.
            revision: Branch, tag or commit on the Hub.
            token: Hub token for private repositories.
            device: Where the model goes.

        Returns:
            The model in evaluation mode, in float32.

        Raises:
            CheckpointNotFoundError: No such folder, repository or revision, or a file is missing.
            CheckpointError: The checkpoint is damaged or does not fit its configuration.
            ConfigError: The device can't be used.
        """
        check_device(device)
        folder = find.checkpoint_folder(
            source, build=cls, revision=revision, token=token, onnx=False
        )
        model = files.load_folder(folder, cls, source=str(source))
        return model.to(device).eval()

    def save_pretrained(self, folder: str | Path, *, dtype: torch.dtype | None = None) -> Path:
        """Writes `config.json`, `model.safetensors` and, where there is none, a model card.

        Args:
            folder: Created where it doesn't exist.
            dtype: Type of the floating point tensors; None keeps them.

        Raises:
            OutputError: The folder can't be written.
        """
        from segface_hf.checkpoints.card import model_card

        folder = Path(folder)
        tensors = {key: _stored(value, dtype) for key, value in self.state_dict().items()}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            save_file(tensors, folder / files.WEIGHTS_FILE, metadata={"format": "pt"})
            text = json.dumps(self.config.to_dict(), indent=2) + "\n"
            (folder / files.CONFIG_FILE).write_text(text, encoding="utf-8")
            if not (folder / files.CARD_FILE).exists():
                (folder / files.CARD_FILE).write_text(model_card(self.config), encoding="utf-8")
        except (OSError, SafetensorError) as error:
            raise OutputError(f"can't write the checkpoint to {folder}: {error}") from error
        return folder

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        token: str | None = None,
        commit_message: str | None = None,
        revision: str | None = None,
        create_pr: bool = False,
        replace_card: bool = False,
    ) -> str:
        """Uploads the checkpoint to the Hub; a card that is there stays, unless it is replaced.

        Args:
            repo_id: `org/name`; made where it does not exist.
            private: Whether the repository, where it is made, is private.
            token: Hub token; None uses the one of `hf auth login`.
            commit_message: What the commit says; None names the model.
            revision: The branch that takes it; None for the main branch.
            create_pr: Whether it becomes a pull request instead.
            replace_card: Whether a fresh card replaces one that is there already.

        Returns:
            The address of the commit, or of the pull request.

        Raises:
            CheckpointError: The Hub refuses it or can't be reached.
        """
        import tempfile

        from segface_hf.checkpoints.publish import publish

        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return publish(
                Path(folder),
                repo_id,
                build=type(self),
                private=private,
                token=token,
                commit_message=commit_message,
                revision=revision,
                create_pr=create_pr,
                replace_card=replace_card,
            )


def _stored(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    value = value.detach().cpu().contiguous()
    return value.to(dtype) if dtype is not None and value.is_floating_point() else value
