"""Makes the pictures of pages in docs anew, of a system that runs: ``python -m tests.screenshots``."""

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from local.console.server import Console, views_of
from local.photographs import EILEEN, make_references
from local.runtime import Options, System, running
from tests.support.browser import Browser, browsing

DOCS = Path(__file__).parents[1] / "docs"
OF_A_TRAINING = """
const rows = [...document.querySelectorAll('#executions tr')];
rows.find(row => row.textContent.includes('train_identity')).querySelector('button').click();
"""
NEWS = "document.querySelector('#first-news').textContent"


def main() -> None:
    """Draw a character on the page at /docs, and look at its training on the page at /local."""
    with TemporaryDirectory() as folder, browsing() as browser:
        references = make_references(EILEEN, Path(folder) / "references")[:5]
        logs = Path(folder) / "logs"
        with running(Options(training_s=1, generation_s=0.2, logs=logs)) as system:
            browser.emulate(width=900)
            draw(browser, system, references)
            (DOCS / "docs-page.png").write_bytes(browser.picture_of("main > section"))
            with closing(Console(views_of(system), port=0)) as console:
                browser.emulate()
                browser.open(console.url)
                browser.until(
                    "document.querySelector('#executions button') && document.querySelector('#rows td')"
                )
                browser.run(OF_A_TRAINING)
                browser.until("document.querySelector('#one svg')")
                (DOCS / "console.png").write_bytes(browser.picture())


def draw(browser: Browser, system: System, references: list[Path]) -> None:
    """Go through the form of the page, from pictures to a picture."""
    browser.open(f"{system.api_url}/docs")
    browser.until("document.querySelector('#first-provider option')")
    browser.type("#token", system.token)
    browser.type("#first-files", "\n".join(map(str, references)))
    browser.run("document.querySelector('#first-provider').value = 'fal-lora'")
    for news in ("The identity costs", "The identity is ready", "Done"):
        browser.click("#first-next")
        browser.until(f"{NEWS}.startsWith('{news}')")
    browser.run("return document.querySelector('#first-pictures').shadowRoot.querySelector('img').decode()")


if __name__ == "__main__":
    main()
