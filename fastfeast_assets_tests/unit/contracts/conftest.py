from __future__ import annotations

import pytest

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Contract


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    return load_contracts()
