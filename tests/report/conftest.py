import pytest
import report_examples as examples

from edgekit.report.document import Report


@pytest.fixture(scope="session")
def full_report() -> Report:
    return examples.full()


@pytest.fixture(scope="session")
def bare_report() -> Report:
    return examples.bare()


@pytest.fixture(scope="session")
def hostile_report() -> Report:
    return examples.hostile()
