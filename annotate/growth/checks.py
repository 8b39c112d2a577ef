"""What is checked before a growth begins: recipe, old photos, consent, license and rights."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import yaml

from annotate._files import write_durably
from annotate.dataset.folder import FolderStore
from annotate.dataset.repo import DatasetRepo, hub_errors
from annotate.errors import RemoteRefusedError, ReviewError
from annotate.growth.plan import GrowthBase, GrowthOptions, GrowthPlan
from segface_hf._utils import counted
from segface_hf.checkpoints.files import ONNX_FILE
from segface_hf.cli.train import path_and_weight
from segface_hf.data.folder import find_pairs

if TYPE_CHECKING:
    from segface_hf.training.recipe import Recipe

RECIPE_FILE = "recipe.yaml"


def read_growth_recipe(
    path: Path, options: GrowthOptions, plan: GrowthPlan, base: GrowthBase
) -> Recipe:
    """Writes and reads the recipe: the continuation, the given options, and the base.

    Raises:
        ConfigError: An option is unknown, or a value is invalid.
    """
    from segface_hf.training.recipe_file import read_recipe

    values = options.recipe()
    given = values.get("model")
    own = {"source": f"corrections of {plan.dataset}", "license": plan.rows_license()}
    values |= {
        "initial": base.source,
        "model": {**given, **own} if isinstance(given, dict) else given or own,
    }
    write_durably(path, yaml.safe_dump(values, sort_keys=False).encode())
    return read_recipe(path)


def check_training(options: GrowthOptions, plan: GrowthPlan, base: GrowthBase) -> None:
    """Checks the recipe and the folders of old photos, before rows are read and judged.

    Raises:
        ConfigError: The recipe is invalid, or packages for an ONNX export are missing.
        DataError: A folder holds no photos with masks.
    """
    from segface_hf.export.save import check_installed

    with TemporaryDirectory() as folder:
        read_growth_recipe(Path(folder) / RECIPE_FILE, options, plan, base)
    if (base.folder / ONNX_FILE).is_file():  # the candidate gets one too
        check_installed()
    for path, _ in map(path_and_weight, options.data):
        find_pairs(path)


def check_publication(
    options: GrowthOptions,
    plan: GrowthPlan,
    base: GrowthBase,
    dataset: FolderStore | DatasetRepo,
) -> None:
    """Checks consent, license and the rights of the token, before hours of work.

    Raises:
        ReviewError: A row may not be shared, or the license of the weights is unknown.
        CheckpointError: The token may not write to the model repository.
        RemoteRefusedError: It may not write to the dataset.
    """
    from segface_hf.checkpoints.publish import check_access
    from segface_hf.hub_client import refusal

    check_shared(plan, base)
    check_access(options.publish)
    if isinstance(dataset, DatasetRepo):
        with hub_errors(dataset.id):
            why = refusal(f"hf://datasets/{dataset.id}")
        if why:
            raise RemoteRefusedError(
                f"{why}, so it can't say which rows made which checkpoint: log in as a member, or "
                "leave out --publish"
            )


def check_shared(plan: GrowthPlan, base: GrowthBase) -> None:
    """Checks that weights which learned from the rows may be published.

    Raises:
        ReviewError: A row has no consent, or the license of the weights is unknown.
    """
    if private := plan.selection.private:
        raise ReviewError(
            f"{counted(len(private), 'row')} without consent to be shared, such as {private[0]}: "
            "begin again with --publish and another --out, which leaves them out"
        )
    if not plan.license(base):
        raise ReviewError(
            f"{base} states no license, so the next checkpoint would have none: write it in its "
            "config.json"
        )
