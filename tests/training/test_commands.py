"""``idpro train`` from the outside."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from idpro.errors import ConfigError, OutputError
from idpro.training.commands import app
from idpro.training.recipe import shipped_recipes

RUNNER = CliRunner()


@pytest.fixture
def file(tmp_path: Path, folders: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(
        f"part = 'propagation'\npreset = 'tiny'\ndata = ['folders:{folders}']\n[validation]\nevery = 2\n"
        "[[stages]]\nsteps = 4\nsize = 64\nbatch = 2\nlength = 2\n"
    )
    return path


def test_the_list_has_a_line_for_every_recipe() -> None:
    lines = RUNNER.invoke(app, ["--list"]).stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(shipped_recipes())
    assert all(len(line.split("  ", 1)[1].strip()) > 20 for line in lines)


def test_a_run_and_its_lines(file: Path, tmp_path: Path) -> None:
    arguments = [str(file), "-o", str(tmp_path / "run"), "--accelerator", "cpu", "--threads", "1", "--every", "2"]
    done = RUNNER.invoke(app, arguments, catch_exceptions=False)
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["2/4", "4/4"] and lines[1].endswith("0h00 left")
    assert "loss" in lines[0] and "jaccard" in lines[0]
    assert torch.get_num_threads() == 1
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["step"] == 4
    again = RUNNER.invoke(app, arguments, catch_exceptions=False)
    assert again.exit_code == 0 and not again.stdout  # it is finished


def test_a_run_is_kept_under_its_recipes_name(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    RUNNER.invoke(app, [str(file), "--accelerator", "cpu", "--set", "stages.0.steps=1"], catch_exceptions=False)
    assert (tmp_path / "runs" / "mine" / "network.safetensors").is_file()


def test_nothing_to_train_is_told() -> None:
    with pytest.raises(ConfigError, match="name a recipe"):
        RUNNER.invoke(app, [], catch_exceptions=False)


@pytest.mark.parametrize(
    "option",
    [("--threads", "0"), ("--every", "0"), ("--workers", "-1"), ("--devices", "-1"), ("--nodes", "0"), ("--devices", "x")],
)
def test_numbers_that_make_no_sense_are_refused_before_anything_is_run(
    file: Path, tmp_path: Path, option: tuple[str, str]
) -> None:
    done = RUNNER.invoke(app, [str(file), "-o", str(tmp_path / "run"), *option])
    assert done.exit_code == 2 and "Traceback" not in done.output and option[0] in done.output
    assert not (tmp_path / "run").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(file: Path, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("precious")
    with pytest.raises(OutputError, match="cannot write") as caught:
        RUNNER.invoke(app, [str(file), "-o", str(tmp_path / "run"), "--accelerator", "cpu"], catch_exceptions=False)
    assert "\n" not in str(caught.value) and (tmp_path / "run").read_text() == "precious"


@pytest.mark.parametrize("option", [("--accelerator", "toaster"), ("--precision", "3-bit"), ("--accelerator", "gpu")])
def test_what_fabric_does_not_have_is_one_line(file: Path, tmp_path: Path, option: tuple[str, str]) -> None:
    if option == ("--accelerator", "gpu") and torch.cuda.is_available():
        option = ("--accelerator", "tpu")
    with pytest.raises(ConfigError) as caught:
        RUNNER.invoke(app, [str(file), "-o", str(tmp_path / "run"), *option], catch_exceptions=False)
    assert "\n" not in str(caught.value)
