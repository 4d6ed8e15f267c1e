"""What a start leaves for the collector."""

import gc

import pytest

from libs.common.lasting import YOUNG_MAX, lasting


def test_what_a_start_makes_is_not_looked_through_again_and_the_collector_is_as_before() -> None:
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        with lasting():
            assert gc.get_threshold()[0] == YOUNG_MAX
            made = [[number] for number in range(1_000)]
        assert gc.get_threshold() == usual
        assert gc.get_freeze_count() >= frozen + len(made)
    finally:
        gc.unfreeze()


def test_a_start_that_fails_leaves_the_collector_as_it_was() -> None:
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    with pytest.raises(RuntimeError), lasting():
        raise RuntimeError
    assert (gc.get_threshold(), gc.get_freeze_count()) == (usual, frozen)
