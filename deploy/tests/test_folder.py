"""The data folder: one node at a time, nobody else's eyes, nothing newer touched."""

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from deploy.local.folder import DataFolder
from libs.common.service import StartRefused


def test_a_second_holder_is_refused_and_told_who_holds(tmp_path: Path):
    first = DataFolder(tmp_path / "var")
    first.hold()
    with pytest.raises(StartRefused, match=f"process id {os.getpid()}"):
        DataFolder(tmp_path / "var").hold()
    first.release()
    second = DataFolder(tmp_path / "var")
    second.hold()
    second.release()


def _hold_and_die(path: Path) -> None:
    DataFolder(path).hold()
    os._exit(9)


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path):
    dying = multiprocessing.get_context("spawn").Process(target=_hold_and_die, args=(tmp_path / "var",))
    dying.start()
    dying.join()
    assert dying.exitcode == 9
    folder = DataFolder(tmp_path / "var")
    folder.hold()
    folder.release()


def test_secrets_stay_the_same_and_are_the_owners_alone(tmp_path: Path):
    folder = DataFolder(tmp_path / "var")
    folder.prepare()
    made = folder.secret("service")
    assert len(made) >= 32
    assert DataFolder(tmp_path / "var").secret("service") == made
    assert stat.S_IMODE((tmp_path / "var" / "secrets" / "service").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_a_folder_of_a_newer_version_is_refused(tmp_path: Path):
    DataFolder(tmp_path / "var").prepare()
    (tmp_path / "var" / "FORMAT").write_text("2\n")
    with pytest.raises(StartRefused, match="newer version"):
        DataFolder(tmp_path / "var").prepare()


def test_a_path_that_is_a_file_is_refused_in_one_sentence(tmp_path: Path):
    (tmp_path / "var").write_text("not a folder")
    with pytest.raises(StartRefused, match="set MCCS_DATA") as refused:
        DataFolder(tmp_path / "var").hold()
    assert refused.value.status == 2
