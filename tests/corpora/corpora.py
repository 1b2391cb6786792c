"""All corpora, in the order of the page."""

from tests.corpora import archives, callbacks, headers, images, links, texts, tokens, weights

CORPORA = (
    links.CORPUS,
    tokens.CORPUS,
    callbacks.CORPUS,
    images.CORPUS,
    archives.CORPUS,
    weights.CORPUS,
    texts.CORPUS,
    headers.CORPUS,
)
