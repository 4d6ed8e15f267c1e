"""Paths: what stands at one, and the values of its open parts."""

import pytest

from libs.common.paths import Paths, open_parts


@pytest.fixture
def paths():
    made = Paths[str]()
    for path in ("/things", "/things/all", "/things/{name}", "/things/{name}/parts/{part}", "/{any}/all"):
        made.methods(path)["GET"] = path
    return made


@pytest.mark.parametrize(
    ("asked", "found", "values"),
    [
        ("/things", "/things", []),
        ("/things/all", "/things/all", []),
        ("/things/a b", "/things/{name}", ["a b"]),
        ("/things/x/parts/y", "/things/{name}/parts/{part}", ["x", "y"]),
        ("/others/all", "/{any}/all", ["others"]),
    ],
)
def test_a_path_is_found_with_its_values(paths, asked, found, values):
    assert paths.find(asked) == ({"GET": found}, values)


@pytest.mark.parametrize(
    "asked", ["", "/", "things", "/things/", "/things//parts/y", "/things/x/parts", "/things/x/y/z"]
)
def test_where_nothing_stands_nothing_is_found(paths, asked):
    assert paths.find(asked) is None


def test_open_parts_have_names_in_their_order():
    assert open_parts("/things/{name}/parts/{part}") == ("name", "part")
    assert open_parts("/things") == ()
