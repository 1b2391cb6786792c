"""What each property of a body means, with its unit and an example: the document's, written once.

Nothing here is read while a request is served.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from character_identity.api.openapi.components import Json
from character_identity.api.route import EXAMPLE_ID
from character_identity.api.routes.references import UPLOADED

REFERENCE = f"references/{EXAMPLE_ID}/01.jpg"
LINK = "https://media.example.com/generations/portrait.jpg?X-Amz-Signature=..."
SHA256 = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
RESULTS_PATH = f"/v1/evaluations/{EXAMPLE_ID}"
SCENARIO = {"name": "boat", "prompt": "{name} on a boat, soft light", "threshold": 0.8}
MADE = object()
"""The example of what is made of other properties is made of theirs."""


class Meaning(NamedTuple):
    """A sentence without its period, and a value; ``usual`` is False for what is null as a rule."""

    text: str
    example: Any = MADE
    usual: bool = True


_DOCUMENTS = {
    "docs": Meaning("The page to try the API on", "/docs"),
    "openapi": Meaning("The description of the API for machines", "/openapi.json"),
    "health": Meaning("What monitors ask", "/health"),
    "ShowHealthResponse.status": Meaning("That it answers", "ok"),
}
_LIKENESS = {
    "mean": Meaning("Mean cosine with the references, from -1 to 1", 0.82),
    "best": Meaning("Cosine with the most similar reference, from -1 to 1", 0.88),
    "centroid": Meaning("Cosine with the middle of the references, from -1 to 1", 0.86),
    "floor": Meaning("How like decoys the references are: what any stranger reaches; null if unknown", 0.35),
    "ceiling": Meaning("How like each other the references are: what can be reached without copying", 0.9),
    "calibrated": Meaning("(mean - floor) / (ceiling - floor): 0 is a stranger, 1 as like as can be", 0.85),
    "perReference": Meaning("The cosine with each reference"),
    "similarity": Meaning("Cosine of two embeddings, from -1 to 1", 0.82),
    "ReferenceSimilarity.reference": Meaning("A reference's key, or its number in the request", REFERENCE),
}
_IMAGES = {
    "imageUrl": Meaning("A link to the picture, good for a plain GET for six hours or more", LINK),
    "thumbnailUrl": Meaning("A link to one picture of it, good for a plain GET for six hours or more", LINK),
    "seed": Meaning(
        "The number that the provider's randomness begins with; chosen and recorded if absent", 7
    ),
    "outcome": Meaning("What became of the picture", "succeeded"),
    "aiGenerated": Meaning("Always true: a model made the picture, and its file says so too", True),
    "width": Meaning("Pixels from left to right", 1024),
    "height": Meaning("Pixels from top to bottom", 1024),
    "clipSimilarity": Meaning("Mean cosine of CLIP's image features; null unless CLIP has scored", 0.82),
    "scores": Meaning("What each encoder says of the picture; they fill in soon after it is there"),
    "notScored": Meaning("Why there is no score; null where there is one or will be", usual=False),
    "nearCopy": Meaning("An alarm: the picture is nearly a reference again", usual=False),
    "faceIdentity": Meaning("How like the references the face alone is; null where no face encoder is"),
    "NearCopyResponse.reference": Meaning("The key of the reference that the picture nearly is", REFERENCE),
    "differingBits": Meaning("Bits of the 128 of the perceptual hash that differ", 6),
    "structure": Meaning("Structural similarity of the two, up to 1", 0.97),
    "mirrored": Meaning("Whether the picture is the reference mirrored", False),
    "measure": Meaning("The version of the measure of copies", "dhash-128+ssim-1"),
    "box": Meaning("Where in the picture the face is; null where none was compared"),
    "otherFaces": Meaning("How many more faces the picture shows", 0),
    "left": Meaning("The left side, as a fraction of the width", 0.31),
    "top": Meaning("The upper side, as a fraction of the height", 0.12),
    "BoxResponse.width": Meaning("As a fraction of the picture's width", 0.34),
    "BoxResponse.height": Meaning("As a fraction of the picture's height", 0.42),
    "encoder": Meaning("The name of the network that has looked; null where none has", "clip-vit-b32"),
    "weightsSha256": Meaning("SHA-256 of the encoder's weights, in hexadecimal", SHA256),
    "preprocessing": Meaning(
        "The version of what is done to a picture before it is embedded", "center-crop-1"
    ),
    "standIn": Meaning("Whether another encoder stands in for CLIP", False),
    "NotScoredResponse.code": Meaning("A stable code", "no_face"),
    "NotScoredResponse.reason": Meaning("One sentence for people", "No face was found in the picture."),
    "imageNumber": Meaning("The place of the picture among those of its generation, from 1", 1),
}
_REFERENCES = {
    "references": Meaning("Reference images: keys of uploads, or https links", [UPLOADED]),
    "mainReference": Meaning("The one of the references that conditions where only one is taken", UPLOADED),
    "referenceUrls": Meaning("Links to the references, good for a plain GET for six hours or more", [LINK]),
    "mainReferenceUrl": Meaning("A link to the reference that conditions, where only one is taken", LINK),
    "usable": Meaning("Whether none of the findings is an error", True),
    "findings": Meaning("What was noticed about the references, errors first"),
    "severity": Meaning("With an error nothing is paid for; a warning only informs", "warning"),
    "Finding.code": Meaning("A stable code", "near_duplicate"),
    "Finding.message": Meaning("One sentence for people", "Picture 2 is nearly the same as picture 1."),
    "Finding.reference": Meaning("The picture's index in the request, from 0; null: about all of them", 1),
    "file": Meaning(
        "What its owner knows the picture by: key, link without query, name in an archive", "b.jpg"
    ),
    "advice": Meaning("What to do about it", "Give another pose, framing or light."),
    "files": Meaning("The files to be uploaded"),
    "uploads": Meaning("A ticket for each file, in the order of the request"),
    "key": Meaning("What the file is called as a reference, once it is uploaded", UPLOADED),
    "Upload.url": Meaning("Where to post the form", "https://media.example.com/"),
    "fields": Meaning("Fields of the form, which come before its file", {"key": UPLOADED, "policy": "..."}),
    "UploadFile.name": Meaning("The file's name, which only its owner sees", "a.jpg"),
    "contentType": Meaning("image/jpeg, image/png or image/webp", "image/jpeg"),
    "sizeBytes": Meaning("The file's size in bytes, up to 20 MiB", 123_456),
}
_IDENTITIES = {
    "characterId": Meaning("The id of an identity", EXAMPLE_ID),
    "name": Meaning("The character's plain name, as it stands in prompts", "Sarah"),
    "className": Meaning("What the character is: woman, man, cat; letters, digits and blanks", "woman"),
    "provider": Meaning("Who trains and generates", "fal-instant"),
    "identities": Meaning("The entries of the page, newest first"),
    "status": Meaning("How it stands", "ready"),
    "phase": Meaning("What is being done, more closely than the status", "ready"),
    "progress": Meaning("Per cent that are done, from facts: 0 to 100", 100),
    "mock": Meaning("Whether a provider's free stand-in trained it", False),
    "simulated": Meaning("Whether a stand-in of the provider made it, for nothing", False),
    "metadata": Meaning("Facts about its making"),
    "error": Meaning("Why it failed; null unless it did", usual=False),
    "queued": Meaning("Its place in the line for a slot at the provider; null if it is in none", usual=False),
    "position": Meaning("The place in the line, 1 is next; nothing is ordered yet", 3),
    "PlaceInLine.reason": Meaning(
        "One sentence for people", "As many jobs as our account may have are running."
    ),
    "modelUrl": Meaning(
        "The provider's link to the trained weights; null without, and it may end", LINK, usual=False
    ),
    "modelStorageUrl": Meaning("A link to our copy of the trained weights; null without", LINK, usual=False),
    "modelExpiresAt": Meaning(
        "When the provider deletes what it trained, unless that is extended there; null where it does not",
        "2026-12-22T12:00:00Z",
        usual=False,
    ),
    "trainingTime": Meaning("Milliseconds that the provider worked; null if unknown", 0),
    "totalTime": Meaning("Milliseconds from the order to the outcome; null until then", 5200),
    "modelSize": Meaning("Bytes of the trained weights; null without", 89_745_224, usual=False),
    "cost": Meaning("US dollars that the provider bills, or our estimate; null if unknown", 0.1),
    "costImplausible": Meaning("Whether the bill is far from the estimate; the operator was told", False),
    "createdAt": Meaning("When it was ordered (ISO 8601, UTC)", "2026-11-22T12:00:00Z"),
    "ErasureReceiptResponse.generationId": Meaning(
        "The generation that was erased by itself; null where all of the identity was",
        EXAMPLE_ID,
        usual=False,
    ),
    "erasedAt": Meaning("When it was erased (ISO 8601, UTC)", "2026-11-22T12:00:00Z"),
    "complete": Meaning("Whether nothing more is to be done; otherwise the service goes on by itself", True),
    "removed": Meaning("How many of each were deleted"),
    "RemovedResponse.references": Meaning("Reference images", 5),
    "RemovedResponse.images": Meaning("Generated pictures", 8),
    "RemovedResponse.generations": Meaning("Generations", 2),
    "RemovedResponse.scores": Meaning("Scores", 8),
    "RemovedOfEvaluationResponse.references": Meaning("Reference images that it was scored against", 5),
    "RemovedOfEvaluationResponse.files": Meaning("Results, and what they were made from", 9),
    "RemovedOfEvaluationResponse.cells": Meaning("Rows of what became of its orders of pictures", 18),
    "RemovedOfEvaluationResponse.scores": Meaning("Scores against all references", 45),
    "weights": Meaning("Files of trained weights", 1),
    "embeddings": Meaning("Sets of reference embeddings", 1),
    "providerObjects": Meaning("Trainings and generations at the provider", 3),
    "remaining": Meaning("What stays, and why"),
    "where": Meaning("What keeps it", "ledger"),
    "what": Meaning("What is kept", "ids, times and amounts of its jobs"),
    "why": Meaning("Why it is kept", "They are our accounts."),
    "until": Meaning("When it goes by itself (ISO 8601, UTC); null if it does not", None),
}
_GENERATIONS = {
    "generationId": Meaning("The id of a generation", EXAMPLE_ID),
    "prompt": Meaning(
        "What to draw, as it was typed, with the character's plain name", "Sarah on a boat, soft light"
    ),
    "negativePrompt": Meaning("What to avoid, where the provider takes it", "blurry, text"),
    "aspectRatio": Meaning(
        "Width to height: as ordered; of sides, those of the first picture in lowest terms", "16:9"
    ),
    "CreateGenerationRequest.width": Meaning("Pixels, a multiple of 8; together with height", 1024),
    "CreateGenerationRequest.height": Meaning("Pixels, a multiple of 8; together with width", 768),
    "GenerationResponse.width": Meaning(
        "Pixels that were ordered; null where a ratio was", 1024, usual=False
    ),
    "GenerationResponse.height": Meaning(
        "Pixels that were ordered; null where a ratio was", 1024, usual=False
    ),
    "GenerationSummary.width": Meaning("Pixels that were ordered; null where a ratio was", 1024, usual=False),
    "GenerationSummary.height": Meaning(
        "Pixels that were ordered; null where a ratio was", 1024, usual=False
    ),
    "guidanceScale": Meaning("How closely to follow the prompt; the provider's own if absent", 3.5),
    "numInferenceSteps": Meaning("Steps of diffusion; the provider's own if absent", 28),
    "numImages": Meaning("How many pictures to make; each one is paid for", 1),
    "images": Meaning("The pictures, in order"),
    "generations": Meaning("The entries of the page, newest first"),
    "warnings": Meaning("What the provider does not take, in sentences", []),
    "scoring": Meaning("Whether scores are still to come", "complete"),
    "GenerationSummary.scoring": Meaning(
        "The same; null where only the generation itself can tell: it has several pictures, or no score of "
        "CLIP's",
        "complete",
    ),
    "GenerationResponse.status": Meaning("How it stands", "succeeded"),
    "GenerationSummary.status": Meaning("How it stands", "succeeded"),
    "ImageResponse.reason": Meaning("Why there is no picture", "A safety checker blanked it.", usual=False),
    "promptUsed": Meaning(
        "The prompt as the provider got it; null until then", "SARAH on a boat, soft light"
    ),
    "inferenceTime": Meaning("Milliseconds that the provider worked; null if unknown", 2300),
    "generatedAt": Meaning("When it ended (ISO 8601, UTC); null until then", "2026-11-22T12:00:05Z"),
    "CompareImagesRequest.images": Meaning("The pictures to score, up to ten", [UPLOADED]),
}
_MONEY = {
    "month": Meaning("A month of the calendar (UTC)", "2026-11"),
    "limitUsd": Meaning("US dollars that may be spent in the month", 100.0),
    "reservedUsd": Meaning("US dollars that are set aside for orders under way", 2.0),
    "committedUsd": Meaning("US dollars that are spent", 1.5),
    "assumedUsd": Meaning("US dollars of those whose price nobody has published or told", 0.0),
    "remainingUsd": Meaning("US dollars that are left", 96.5),
    "jobs": Meaning("How many orders were paid for", 4),
    "estimateUsd": Meaning("US dollars that the order will cost; null where no price is published", 2.0),
    "EstimateResponse.reservedUsd": Meaning("US dollars that the order may cost at most", 2.0),
    "affordable": Meaning("Whether the budget allows it", True),
    "budget": Meaning("The budget of this month"),
    "prices": Meaning("Published prices, by what they are for"),
    "amountUsd": Meaning("US dollars for one unit", 0.1),
    "unit": Meaning("What is paid for", "megapixel"),
    "source": Meaning("Where the price was read", "https://fal.ai/models/fal-ai/instant-character"),
    "readOn": Meaning("When it was read (ISO 8601)", "2026-11-22"),
    "providers": Meaning("All providers"),
    "ProviderResponse.name": Meaning("By which orders name it", "fal-instant"),
    "available": Meaning("Whether its key is there; without one every order there fails, unpaid", True),
    "trains": Meaning("Whether an identity has to be trained before it is drawn", False),
    "minReferences": Meaning("The least reference images that it takes", 1),
    "maxReferences": Meaning("The most reference images that it takes", 3),
    "maxImages": Meaning("The most pictures of one order", 4),
}
_EVALUATIONS = {
    "evaluationId": Meaning("The id of an evaluation", EXAMPLE_ID),
    "evaluations": Meaning("The entries of the page, newest first"),
    "CreateEvaluationRequest.identities": Meaning(
        "The characterId of an identity that is there, by its provider", {"fal-lora": EXAMPLE_ID}
    ),
    "CreateEvaluationRequest.providers": Meaning(
        "Those to be compared; all available ones, if none is named and there are references",
        ["fal-instant", "fal-lora"],
    ),
    "scenarioSet": Meaning("A set of scenarios that is shipped", "specification"),
    "CreateEvaluationRequest.scenarios": Meaning("Scenarios of your own, in place of a set", [SCENARIO]),
    "ScenarioRequest.name": Meaning("Small letters and digits, with hyphens between", "boat"),
    "ScenarioRequest.title": Meaning("What people call it; made of the name if absent", "On a boat"),
    "ScenarioRequest.prompt": Meaning(
        "What to draw; it says {name} where the character stands", "{name} on a boat, soft light"
    ),
    "threshold": Meaning("The CLIP similarity that is expected, from -1 to 1", 0.8),
    "variations": Meaning("How many pictures of each scenario are compared", 3),
    "CreateEvaluationRequest.seed": Meaning("What all seeds are moved by; providers share them", 0),
    "maxCostUsd": Meaning("US dollars that its owner would pay at most; its ceiling if absent", 25.0),
    "EvaluationSummary.providers": Meaning("Those that are compared", ["fal-instant", "fal-lora"]),
    "EvaluationResponse.providers": Meaning("Those that are compared", ["fal-instant", "fal-lora"]),
    "EvaluationSummary.scenarios": Meaning("How many scenarios are drawn", 5),
    "EvaluationResponse.scenarios": Meaning("How many scenarios are drawn", 5),
    "EvaluationSummary.status": Meaning("How it stands", "completed"),
    "EvaluationResponse.status": Meaning("How it stands", "completed"),
    "EvaluationSummary.phase": Meaning("What is being done", "report"),
    "EvaluationResponse.phase": Meaning("What is being done", "report"),
    "updatedAt": Meaning("When it last went on (ISO 8601, UTC)", "2026-11-22T12:20:00Z"),
    "recommendation": Meaning("What its results recommend; null until they are there"),
    "RecommendationResponse.provider": Meaning("A provider, or null where nothing is decided", "fal-lora"),
    "sentence": Meaning("Why", "Recommended: fal-lora. What it draws is decidedly nearer to the references."),
    "EvaluationResponse.identities": Meaning(
        "The characterId of each provider's identity, as soon as it is ordered", {"fal-lora": EXAMPLE_ID}
    ),
    "EvaluationResponse.estimateUsd": Meaning("US dollars that it is expected to cost", 12.5),
    "failures": Meaning("Why a provider has no identity, by provider", {}),
    "counts": Meaning("How much is done"),
    "EvaluationCounts.identities": Meaning("Identities"),
    "cells": Meaning("Orders of pictures: one for a scenario and a variation, or for several variations", 30),
    "EvaluationCounts.cells": Meaning("Orders of pictures"),
    "EvaluationCounts.images": Meaning("Pictures"),
    "EstimateEvaluationResponse.images": Meaning("How many pictures are made", 30),
    "ProviderEstimateResponse.images": Meaning("How many pictures are made", 15),
    "ProviderEstimateResponse.cells": Meaning("How many orders of pictures are made", 15),
    "total": Meaning("How many there will be", 15),
    "done": Meaning("How many have succeeded", 15),
    "failed": Meaning("How many have failed", 0),
    "scored": Meaning("How many have a score against all references", 15),
    "ImageCounts.notScored": Meaning("How many have a reason why not", 0),
    "costUsd": Meaning("US dollars that are known to be spent", 11.9),
    "ceilingUsd": Meaning("US dollars that it may cost at most, which are set aside", 17.0),
    "EstimateEvaluationResponse.estimateUsd": Meaning("US dollars of the part that has a price", 6.5),
    "EstimateEvaluationResponse.assumedUsd": Meaning(
        "US dollars that the part without a price may cost at most", 0.0
    ),
    "wouldExceed": Meaning("What it costs too much for: maxCostUsd or budget", "budget", usual=False),
    "byProvider": Meaning("Each provider's part"),
    "links": Meaning("Paths of the results; null until they are there"),
    "resultsCsv": Meaning("A row for each picture", f"{RESULTS_PATH}/results.csv"),
    "gallery": Meaning("All pictures side by side", f"{RESULTS_PATH}/gallery.html"),
    "report": Meaning("What is decided and why, as a page", f"{RESULTS_PATH}/report.html"),
    "reportMarkdown": Meaning("The same as Markdown", f"{RESULTS_PATH}/report.md"),
    "summary": Meaning("The same for programs, as JSON", f"{RESULTS_PATH}/summary.json"),
    "manifest": Meaning("What results.csv belongs to", f"{RESULTS_PATH}/evaluation.json"),
    "pictures": Meaning("Links to the pictures, by path", f"{RESULTS_PATH}/pictures.json"),
}
_EVENTS = {
    "webhooks": Meaning("The entries of the page, newest first"),
    "endpointId": Meaning("The id of a webhook", EXAMPLE_ID),
    "url": Meaning("An https address", "https://hooks.example.com/characters"),
    "secret": Meaning(
        "What requests to the address are signed with; shown this once", "whsec_bm90IGEgc2VjcmV0IQ=="
    ),
    "types": Meaning("Which events are posted there; null: all of them", ["GenerationCompleted"]),
    "disabled": Meaning("Whether nothing is to be posted there", False),
    "previousSecretsUntil": Meaning(
        "Until when secrets that were replaced sign, too (ISO 8601, UTC)", "2026-11-23T12:00:00Z", usual=False
    ),
    "at": Meaning("When the attempt was made (ISO 8601, UTC)", "2026-11-22T12:00:01Z"),
    "attempt": Meaning("Which attempt it was, from 1; anew after a replay", 1),
    "AttemptResponse.status": Meaning("The HTTP status that the receiver answered; null without", 204),
    "AttemptResponse.error": Meaning(
        "The code of what kept it from the receiver; null if nothing did", "no_answer", usual=False
    ),
    "ListDeliveriesResponse.deliveries": Meaning("The entries of the page, newest first"),
    "failingSince": Meaning(
        "Since when every attempt fails (ISO 8601, UTC)", "2026-11-22T12:00:00Z", usual=False
    ),
    "disabledAt": Meaning("When sending there ended (ISO 8601, UTC)", "2026-11-25T12:00:00Z", usual=False),
    "disabledReason": Meaning("Why sending there ended", "failing", usual=False),
    "eventId": Meaning("The id of an event", f"evt_{EXAMPLE_ID}"),
    "type": Meaning("What has happened", "IdentityReady"),
    "occurredAt": Meaning("When it happened (ISO 8601, UTC)", "2026-11-22T12:00:00Z"),
    "data": Meaning("What it is about", {"characterId": EXAMPLE_ID, "status": "ready"}),
    "deliveries": Meaning("How far telling each webhook is"),
    "state": Meaning("How the delivery stands", "delivered"),
    "attempts": Meaning("How often it was attempted", 1),
    "nextAttemptAt": Meaning(
        "When the next attempt is due (ISO 8601, UTC)", "2026-11-22T12:00:05Z", usual=False
    ),
    "lastStatus": Meaning("The HTTP status of the receiver's last answer; null without", 204),
    "lastError": Meaning(
        "The code of what kept it from the receiver; null if nothing did", "no_answer", usual=False
    ),
    "Event.id": Meaning("The same at every attempt, as in webhook-id", f"evt_{EXAMPLE_ID}"),
    "Event.timestamp": Meaning("When it happened (ISO 8601, UTC)", "2026-11-22T12:00:00Z"),
    "Event.data": Meaning("What it is about; ask the API for more"),
    "Event.status": Meaning("How it stands now", "failed"),
    "Event.encoder": Meaning("The name of the network that has looked", "clip-vit-b32"),
    "Event.error": Meaning("Why it failed"),
    "faceSimilarity": Meaning("Mean cosine of the face with those of the references; null without", 0.71),
}
_SHARED = {
    "nextCursor": Meaning("Ask for the next page with it; not there on the last one", "eyJ2IjoxfQ"),
    "code": Meaning("A stable code", "training_failed"),
    "message": Meaning("One sentence for people", "The provider could not train with these pictures."),
    "ErrorResponse.type": Meaning("What kind of problem it is, by its code", "/docs#budget_exceeded"),
    "ErrorResponse.title": Meaning("The code in words, the same every time", "Budget exceeded"),
    "ErrorResponse.status": Meaning("The HTTP status", 402),
    "ErrorResponse.detail": Meaning(
        "As message", "This order costs more than is left of this month's budget."
    ),
    "details": Meaning(
        "More about the error, by its code: fields of the body, findings", [{"field": "name"}]
    ),
    "FirstClientError.code": Meaning("A stable code", "unknown_reference"),
    "FirstClientError.error": Meaning(
        "One sentence for people", "images_data_url: there is no such picture."
    ),
    "Refusal.message": Meaning("One sentence for people", "Unauthorized"),
}
_FIRST_CLIENT = {
    "negative_prompt": Meaning("What to avoid, where the provider takes it", "blurry, text"),
    "image_size": Meaning("An aspect ratio, or fal's name for one", "16:9"),
    "num_images": Meaning("How many pictures to make; each one is paid for", 1),
    "guidance_scale": Meaning("How closely to follow the prompt; 7.5 is taken as not chosen", 3.5),
    "num_inference_steps": Meaning("Steps of diffusion; 30 is taken as not chosen", 28),
    "reference_images": Meaning("Links, or data URIs, of reference images", ["https://example.com/1.jpg"]),
    "lora_url": Meaning("A link to weights that were trained here", "https://example.com/lora.safetensors"),
    "images_data_url": Meaning(
        "Links of the pictures, or the link of one ZIP", ["https://example.com/1.jpg"] * 5
    ),
    "trigger_word": Meaning("The character's name, in capitals", "SARAH"),
    "steps": Meaning("Steps of the training", 1000),
    "CreatePrompt.prompt": Meaning("The pictures that are wanted"),
    "tune": Meaning("The training that is wanted"),
    "title": Meaning("Character: and the character's plain name", "Character: Sarah"),
    "Tune.name": Meaning("What the character is, or its name", "woman"),
    "class": Meaning("What the character is", "woman"),
    "branch": Meaning("Left alone", "flux1"),
    "Tune.images": Meaning("The pictures, as links or objects with one", ["https://example.com/1.jpg"] * 4),
    "image_urls": Meaning("More pictures, as links", ["https://example.com/1.jpg"]),
    "Image.url": Meaning("A link to a picture", "https://example.com/1.jpg"),
    "text": Meaning("What to draw, with the character's plain name", "Sarah on a boat"),
    "aspect_ratio": Meaning("Width to height", "16:9"),
}
MEANINGS: Mapping[str, Meaning] = {
    **_DOCUMENTS,
    **_LIKENESS,
    **_IMAGES,
    **_REFERENCES,
    **_IDENTITIES,
    **_GENERATIONS,
    **_MONEY,
    **_EVALUATIONS,
    **_EVENTS,
    **_SHARED,
    **_FIRST_CLIENT,
}
"""By a property's name, or by its schema's and its own where it means something else there."""


def explained(name: str, schema: Json) -> Json:
    """A schema with its properties explained: description, example, and no ``default``.

    A default would make generators of types ask for what may be left out; the description has it.
    """
    if "properties" not in schema:
        return schema
    properties = {each: _property(name, each, part) for each, part in schema["properties"].items()}
    return {**schema, "properties": properties}


def _property(owner: str, name: str, schema: Json) -> Json:
    meaning = meaning_of(owner, name)
    kept = {key: value for key, value in explained(owner, schema).items() if key != "default"}
    default = schema.get("default")
    usually = f"; {default} if left out" if default not in (None, "", []) else ""
    example = {} if meaning.example is MADE or "const" in schema else {"examples": [meaning.example]}
    return {**kept, "description": f"{meaning.text}{usually}", **example}


def meaning_of(owner: str, name: str) -> Meaning:
    """The meaning of a property in a schema.

    Raises:
        LookupError: nobody has written it down.
    """
    meaning = MEANINGS.get(f"{owner}.{name}") or MEANINGS.get(name)
    if meaning is None:
        raise LookupError(f"{owner}.{name} has no meaning in api/openapi/properties.py")
    return meaning
