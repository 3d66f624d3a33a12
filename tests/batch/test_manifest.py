from __future__ import annotations

from pathlib import Path

import pytest

from idpro.batch.manifest import Job, intervals, read_manifest, shard
from idpro.errors import ConfigError


def test_csv_and_json_lines_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text(
        "video, scribbles, masks, output, frames, size, split\na.mp4, a.json,,,,,\nb.mp4,,b/,tests/b2, 3:9, 320, 100\n",
        encoding="utf-8",
    )
    (tmp_path / "jobs.jsonl").write_text(
        '{"video": "a.mp4", "scribbles": "a.json"}\n\n'
        '{"video": "b.mp4", "masks": "b/", "output": "tests/b2", "frames": "3:9", "size": 320, "split": 100}\n',
        encoding="utf-8",
    )
    at = str(tmp_path)
    expected = [
        Job("a", f"{at}/a.mp4", f"{at}/a.json", None, "s3://bucket/out/a"),
        Job("tests/b2", f"{at}/b.mp4", None, f"{at}/b", "s3://bucket/out/tests/b2", (3, 9), 320, 100),
    ]
    for name in ("jobs.csv", "jobs.jsonl"):
        assert read_manifest(tmp_path / name, "s3://bucket/out/") == expected
    assert [Job.from_json(job.to_json()) for job in expected] == expected


def test_a_folder_goes_by_names(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.json", "c.mp4", "notes.txt"):
        (tmp_path / name).touch()
    for name in ("b", "b-masks"):
        (tmp_path / name).mkdir()
    jobs = read_manifest(tmp_path, "out", size=0, split=50)
    assert [(j.name, j.scribbles is not None, j.masks is not None, j.size, j.split) for j in jobs] == [
        ("a", True, False, 0, 50),
        ("b", False, True, 0, 50),
    ]
    with pytest.raises(ConfigError, match="no video with scribbles"):
        read_manifest(tmp_path / "b", "out")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1 of .* is not JSON"),
        ("[1]", "line 1"),
        ('{"scribbles": "a.json"}', "names no video"),
        ('{"video": "a.mp4", "scribble": "a.json"}', "'scribble'; the keys are video"),
        ('{"video": "a.mp4", "size": "big"}', "size must be a whole number"),
        ('{"video": "a.mp4", "split": 0}', "split must be a whole number of at least 1"),
        ('{"video": "a.mp4", "frames": "9:3"}', "FIRST:LAST"),
        ('{"video": "a.mp4", "masks": 3}', "masks must be a text"),
        ('{"video": "a.mp4", "output": "../a"}', "below the batch's"),
        ('{"video": "a.mp4"}\n{"video": "b/a.mov"}', "line 2 .* and line 1 .* would both write"),
        ("", "has no jobs"),
    ],
)
def test_what_makes_no_sense_is_one_line_that_says_where(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "jobs.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_manifest(path, "out")


def test_a_line_of_a_csv_has_the_columns_of_its_header(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text("video,scribbles\na.mp4\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line 2 .* another number of columns"):
        read_manifest(path, "out")
    with pytest.raises(ConfigError, match="cannot read the manifest"):
        read_manifest(tmp_path / "none.csv", "out")


def test_shards_are_all_jobs_once() -> None:
    jobs = [Job(str(i), "v", None, None, str(i)) for i in range(10)]
    parts = [shard(jobs, f"{i}/3") for i in range(3)]
    assert sorted((j for part in parts for j in part), key=lambda j: int(j.name)) == jobs
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    for wrong in ("3/3", "1", "a/b", "-1/3", "0/0"):
        with pytest.raises(ConfigError, match="--shard"):
            shard(jobs, wrong)


def test_intervals_are_all_frames_once() -> None:
    assert intervals(range(3, 10), None) == [range(3, 10)]
    assert intervals(range(3, 10), 3) == [range(3, 6), range(6, 9), range(9, 10)]
    assert intervals(range(3, 10), (8, 5, 5, 1, 10, 99)) == [range(3, 5), range(5, 8), range(8, 10)]
