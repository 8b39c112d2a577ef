"""A GPU gives the losses of the processor, and a device that is not there is refused."""

import warnings

import pytest
import torch

from segface_hf.cli.program import main
from segface_hf.errors import ConfigError
from segface_hf.training.loop import train
from segface_hf.training.parallel import ProcessGroup
from segface_hf.training.prepare import prepare
from segface_hf.training.run import LAST, Run
from tests.segface_hf.training.drawn import tiny_recipe


def accelerator():
    """The GPU of this machine; skips loudly without one."""
    for name, found in (("cuda", torch.cuda), ("mps", torch.backends.mps)):
        if found.is_available():
            return torch.device(name)
    warnings.warn("no GPU: its losses were not compared with the processor's", stacklevel=1)
    return pytest.skip("needs a GPU")


@pytest.mark.filterwarnings("default:no GPU")
def test_the_first_losses_of_a_gpu_are_those_of_the_processor(folder, tmp_path):
    device = accelerator()
    recipe = tiny_recipe(loss={"class_weights": "inverse_sqrt", "dice_absent": True})
    losses = {}
    for name in (torch.device("cpu"), device):
        run = Run(recipe, prepare(folder, recipe), tmp_path / name.type, device=name)
        losses[name.type] = [run.advance() for _ in range(3)]
        run.save()
    assert losses[device.type] == pytest.approx(losses["cpu"], abs=1e-3)
    # A state of the GPU is resumed on the processor.
    resumed = Run(recipe, prepare(folder, recipe), tmp_path / device.type)
    assert resumed.resume()
    assert train(resumed)
    assert (tmp_path / device.type / LAST / "model.safetensors").is_file()


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_device_that_is_not_there_is_refused(folder, tmp_path, capsys, command):
    words = [command, "--data", str(folder), "--device", "cuda:99"]
    out = ["--out", str(tmp_path / "run")] if command == "train" else []
    assert main([*words, *out]) == 2
    assert "can run on 'cuda:99' here" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_several_processes_on_a_gpu_are_refused(folder, tmp_path):
    recipe, two = tiny_recipe(), ProcessGroup(2, 0)
    with pytest.raises(ConfigError, match="several processes train on processors only"):
        Run(recipe, prepare(folder, recipe), tmp_path, processes=two, device=torch.device("cuda"))
