from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from idpro.checkpoint import save_network
from idpro.config import preset
from idpro.errors import ConfigError, IDProError
from idpro.evaluation.commands import app
from idpro.masks import write_mask
from idpro.model import build

from .drawn import moving_masks, write_sequence


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_network(path, build(preset("tiny")))
    return path


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})
    if isinstance(result.exception, IDProError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_davis_writes_a_report_and_prints_the_rounds(root: Path, tiny: Path, tmp_path: Path) -> None:
    options = ("--root", root, "--sequences", "two,one", "--rounds", 2, "--frames-per-round", 2, "--first-round", "robot")
    text = run("davis", *options, "--model", tiny, "--size", 64, "--output", tmp_path / "out")
    assert "first round robot, f = 2, detailed scribbles" in " ".join(text.split()) and "AUC" in text
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert {"auc", "metric_at_threshold", "curve", "rounds"} <= summary.keys()
    assert [set(r) >= {"round", "j_and_f", "j", "f", "time"} for r in summary["rounds"]] == [True, True]
    assert 0 <= summary["auc"] <= 1
    settings = summary["settings"]
    assert (settings["sequences"], settings["size"], settings["method"]) == (["two", "one"], 64, "idpro")
    assert len(settings["weights"]) == 16
    again = run("davis", *options, "--model", tiny, "--size", 64, "--output", tmp_path / "out")
    assert again == text  # all there: nothing was played again, the times are the same
    with pytest.raises(ConfigError, match="holds a run with size = 64, now it is 80"):
        run("davis", *options, "--model", tiny, "--size", 80, "--output", tmp_path / "out")


def test_davis_scores_precomputed_masks_by_the_human_protocol(root: Path, tmp_path: Path) -> None:
    options = ("--root", root, "--rounds", 3, "--method", "masks", "--pred", root / "Annotations" / "480p")
    text = run("davis", *options, "--output", tmp_path / "out")
    assert "first round human1, f = 1" in text and "100.0" in text
    with pytest.raises(ConfigError, match="--method masks needs --pred"):
        run("davis", "--root", root, "--method", "masks", "--output", tmp_path / "other")


def test_vos_follows_first_masks(root: Path, tiny: Path, tmp_path: Path) -> None:
    text = run("vos", "--root", root, "--model", tiny, "--propagation", tiny, "--size", 64, "--output", tmp_path / "out")
    assert "objects" in text
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary.keys() >= {"j_and_f", "j", "f", "sequences"} and list(summary["sequences"]) == ["two", "one"]
    assert summary["settings"]["leave_out_last"] is False
    assert (tmp_path / "out" / "masks" / "one" / "00005.png").exists()
    assert "missed" in text and "start" in text and "2 among others" in text
    with pytest.raises(ConfigError, match="--method masks cannot follow given masks"):
        run("vos", "--root", root, "--method", "masks", "--output", tmp_path / "other")


def test_several_roots_and_a_number_of_threads(root: Path, tiny: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    write_sequence(tmp_path / "more", "camel", moving_masks(4))
    write_sequence(tmp_path / "more", "walk", moving_masks(4))
    write_sequence(root, "judo", moving_masks(4, objects=2))
    try:
        options = ("--split", "development", "--model", tiny, "--size", 64, "--threads", 1, "--output", tmp_path / "out")
        text = run("vos", "--root", root, "--root", tmp_path / "more", *options)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert list(summary["sequences"]) == ["judo", "camel"] and "camel" in text
    assert summary["settings"]["roots"] == [str(root), str(tmp_path / "more")]
    assert (summary["one_object"]["objects"], summary["several_objects"]["objects"]) == (1, 2)


def test_servers_get_a_zip(tiny: Path, tmp_path: Path) -> None:
    write_sequence(tmp_path / "valid", "vid", moving_masks(3), resolution="")
    (tmp_path / "valid" / "Annotations" / "vid" / "00002.png").unlink()
    objects = {"1": {"frames": ["00000", "00002"]}}
    (tmp_path / "valid" / "meta.json").write_text(json.dumps({"videos": {"vid": {"objects": objects}}}))
    names = {}
    for server in ("youtube", "mose"):
        text = run(server, "--root", tmp_path / "valid", "--model", tiny, "--size", 64, "--output", tmp_path / server)
        assert "submission.zip" in text
        with zipfile.ZipFile(tmp_path / server / "submission.zip") as archive:
            names[server] = archive.namelist()
    assert names["youtube"] == ["Annotations/vid/00000.png", "Annotations/vid/00002.png"]
    assert names["mose"] == ["vid/00000.png", "vid/00001.png", "vid/00002.png"]
    text = run("vos", "--root", tmp_path / "valid", "--model", tiny, "--size", 64, "--output", tmp_path / "vos")
    assert "masks of some frames only in 1 of 1 sequences (vid 2 of 3 frames)" in text


def test_across_says_what_is_found_on_other_frames(root: Path, tiny: Path, tmp_path: Path) -> None:
    options = ("--root", root, "--sequences", "two,one", "--model", tiny, "--size", 64, "--output", tmp_path / "out")
    text = run("across", *options)
    assert "found on the others" in text and "objects" in text
    assert (tmp_path / "out" / "scores.csv").exists()


def test_masks_scores_a_folder(root: Path, tmp_path: Path) -> None:
    for t, mask in enumerate(moving_masks(6)):
        write_mask(tmp_path / "pred" / "one" / f"{t:05d}.png", mask if t < 3 else np.zeros_like(mask))
    text = run("masks", "--pred", tmp_path / "pred", "--truth", root, "--sequences", "one", "--output", tmp_path / "out")
    assert (tmp_path / "out" / "over-time.png").exists()
    assert "50.0" in text
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["j_and_f"] == pytest.approx(0.5)


def test_the_ablation_prints_tables(root: Path, tiny: Path, tmp_path: Path) -> None:
    options = ("--root", root, "--sequences", "one", "--model", tiny, "--size", 64, "--output", tmp_path / "out")
    text = run("--ablation", "--tables", "2", *options)
    assert "Table II: ablation" in text and "89.6" in text
    assert (tmp_path / "out" / "tables.csv").exists()
    settings = json.loads((tmp_path / "out" / "f3-detailed-without-repropagation" / "summary.json").read_text())["settings"]
    assert (settings["across_frame"], settings["repropagate"], settings["first_round"]) == (True, False, "human3")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--ablation",), "needs --root"),
        (("--ablation", "davis", "--root", "x", "--output", "y"), "leave 'davis' out"),
        (("--ablation", "--root", "x", "--output", "y", "--tables", "III"), "numbers such as 1,3, got 'III'"),
        (("davis", "--root", "no/such/folder", "--output", "y"), "no/such/folder has no sequences in JPEGImages"),
        (("masks", "--pred", "no/such", "--truth", "x"), "there is no folder x"),
        (("davis", "--root", "x" * 300, "--output", "y"), "xxx has no sequences in JPEGImages"),
        (("masks", "--pred", "x", "--truth", "x" * 300), "there is no folder xxx"),
    ],
)
def test_wrong_options_are_one_line(arguments: tuple[str, ...], match: str) -> None:
    with pytest.raises(IDProError, match=match) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)


def test_unknown_methods_and_devices(root: Path, tiny: Path, tmp_path: Path) -> None:
    options = ("davis", "--root", root, "--output", tmp_path / "out", "--model", tiny)
    with pytest.raises(ConfigError, match="--method must be idpro, sam2, masks"):
        run(*options, "--method", "magic")
    with pytest.raises(ConfigError, match="the device 'toaster' is not available"):
        run(*options, "--device", "toaster")


def test_without_arguments_there_is_help() -> None:
    text = run()
    assert "davis" in text and "vos" in text and "masks" in text and "--ablation" in text
