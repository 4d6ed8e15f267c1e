"""The client held against the gateway: every operation, every parameter, every shape of an answer."""

import inspect
import json
import re
import typing
from typing import Any, Unpack, get_args, get_origin

import pytest
from typing_extensions import is_typeddict

from gateway.api import answers as published
from gateway.api import answers_more as further
from gateway.api.operation import Operation as GatewayOperation
from gateway.api.operations import all_operations
from libs.client.mccs_client import answers as ours
from libs.client.mccs_client import answers_more as our_further
from libs.client.mccs_client.operations import Operation, Operations
from libs.client.mccs_client.request import Request, snake

OF_CLIENT = {name: each for name, each in vars(Operations).items() if isinstance(each, Operation)}
OF_GATEWAY = {(each.method, each.path): each for each in all_operations().operations}
RAW = {("POST", "/api/v1/oauth/token"), ("POST", "/api/v1/transfers/batch")}
ONLY_IN_JSON = {"favorite"}
"""Fields that the gateway takes for the sake of older programs."""


def sample(annotation: Any) -> Any:
    """Some value of a parameter's type."""
    kind = get_origin(annotation)
    if kind is typing.Literal:
        return get_args(annotation)[0]
    if kind is list:
        return [sample(get_args(annotation)[0])]
    if kind in (typing.Union, type(str | None)):
        return sample(next(each for each in get_args(annotation) if each is not type(None)))
    if is_typeddict(annotation):
        return {name: sample(each) for name, each in typing.get_type_hints(annotation).items()}
    named: dict[Any, Any] = {str: "1", int: 1, bool: True, bytes: b"x", float: 1.0}
    if annotation in named:
        return named[annotation]
    return 1 if "Decimal" in str(annotation) else "2026-03-02"


def request_of(name: str) -> Request[Any]:
    """The request with every argument that can be given."""
    build = OF_CLIENT[name].__wrapped__
    hints = typing.get_type_hints(build)
    given: dict[str, Any] = {}
    for parameter in inspect.signature(build).parameters.values():
        hint = hints[parameter.name]
        if parameter.kind is parameter.VAR_KEYWORD:
            assert get_origin(hint) is Unpack
            given |= sample(get_args(hint)[0])
        else:
            given[parameter.name] = sample(hint)
    return build(**given)


def operation_of(request: Request[Any]) -> GatewayOperation:
    path = "/api/v1" + request.path.partition("?")[0]
    found = [
        each
        for each in OF_GATEWAY.values()
        if each.method == request.method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", each.path), path)
    ]
    exact = [each for each in found if each.path == path]
    return (exact or found)[0]


def names_of(model: Any) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()} if model is not None else set()


def test_every_operation_of_the_gateway_has_its_method():
    covered = {(operation.method, operation.path) for operation in map(operation_of, map(request_of, OF_CLIENT))}
    assert set(OF_GATEWAY) - covered == set()


@pytest.mark.parametrize("name", OF_CLIENT)
def test_a_method_gives_the_parameters_that_the_gateway_takes(name):
    request = request_of(name)
    operation = operation_of(request)
    query = dict(request.query) | dict(re.findall(r"[?&](\w+)=(\w+)", request.path))
    if (operation.method, operation.path) not in RAW:
        assert set(query) == names_of(operation.query)
    if operation.body is not None and request.content_type == "application/json":
        body = json.loads(request.body or b"{}")
        required = {field.alias or key for key, field in operation.body.model_fields.items() if field.is_required()}
        assert required <= set(body) <= names_of(operation.body)
        if "status" not in name and operation.path != "/api/v1/transfers/{transferID}":
            assert names_of(operation.body) - set(body) <= ONLY_IN_JSON


@pytest.mark.parametrize("name", OF_CLIENT)
def test_what_moves_credit_is_keyed_and_nothing_else(name):
    request = request_of(name)
    moves_credit = (
        "idempotency_key" in inspect.signature(OF_CLIENT[name].__wrapped__).parameters or request.again == "keyed"
    )
    assert (request.key is not None) == moves_credit == (request.again == "keyed")
    if request.method == "GET":
        assert request.again == "safe"


@pytest.mark.parametrize("name", OF_CLIENT)
def test_a_method_says_what_it_does(name):
    assert OF_CLIENT[name].__doc__


def theirs() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in (further, published):
        found |= {
            name: each
            for name, each in vars(module).items()
            if is_typeddict(each) and each.__module__ == module.__name__
        }
    return found


@pytest.mark.parametrize("name", theirs())
def test_the_shape_of_an_answer_is_the_gateways(name):
    there, here = theirs()[name], getattr(ours, name, None) or getattr(our_further, name)
    assert {snake(field) for field in there.__required_keys__} == set(here.__required_keys__)
    assert {snake(field) for field in there.__optional_keys__} == set(here.__optional_keys__)


@pytest.mark.parametrize("name", OF_CLIENT)
def test_a_method_answers_with_the_shape_that_the_gateway_declares(name):
    declared = operation_of(request_of(name)).answers
    answered = get_args(typing.get_type_hints(OF_CLIENT[name].__wrapped__)["return"])[0]
    if declared is None:
        assert answered in (type(None), bytes, our_further.KeyToken)
    else:
        assert _names(answered) == _names(declared)


def _names(annotation: Any) -> str:
    """The name of the shape inside lists, pages and parts."""
    while get_origin(annotation) is not None and get_origin(annotation) is not dict:
        annotation = get_args(annotation)[0]
    return getattr(annotation, "__name__", str(annotation)) if get_origin(annotation) is None else str(annotation)
