"""What a service subscribes to is what the table of consumers says: its queue is bound by that table before it runs."""

import pytest

from libs.common.contracts.consumers import topics_of
from services.directory.consumers import handlers as of_directory
from services.identity.consumers import handlers as of_identity
from services.ledger.consumers import handlers as of_ledger


@pytest.mark.parametrize(
    ("service", "handlers"),
    [("directory", (of_directory, 1)), ("identity", (of_identity, 1)), ("ledger", (of_ledger, 2))],
)
def test_a_service_handles_exactly_what_its_queue_is_bound_to(service, handlers):
    make, parts = handlers
    assert set(make(*[None] * parts)) == topics_of(service)
