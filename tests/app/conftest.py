import pytest
from references.page_server import serving

PAGE = "<!doctype html><title>page</title>"


@pytest.fixture(scope="session")
def static_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "static"
    (folder / "inner").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "app.js").write_text("export {};")
    (folder / "notes.txt").write_text("not part of the page")
    (folder.parent / "secret.js").write_text("secret")
    return folder


@pytest.fixture(scope="session")
def served(static_page):
    """One server for all tests that leave nothing behind."""
    with serving(static_page) as server:
        yield server


@pytest.fixture
def client(served):
    with served.client() as client:
        yield client
