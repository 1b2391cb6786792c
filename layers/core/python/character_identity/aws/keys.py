"""Every key of the single-table design and of its index ``gsi1``: what lies where is decided here alone.

A row is found by ``pk`` and ``sk``; what belongs to one thing lies beside it, under its ``pk``. A row that is
listed has ``gsi1pk`` and ``gsi1sk`` too: an owner's identities and an identity's generations by their time,
and what somebody still has to see to by the time when it is due, which such a row also shows as ``due_at``.
"""

from datetime import datetime

from character_identity.domain.ids import ID

Key = dict[str, str]

INDEX = "gsi1"
INDEX_KEY = ("pk", "sk", "gsi1pk", "gsi1sk")
"""The attributes that say where in the index a row is."""
OPEN, OPEN_MESSAGES = "OPEN", "OPEN_MESSAGES"
"""Among the open work: money and erasures; the rest, as events. Neither stands in the way of the other."""
LAST = "~"
"""Sorts after every time in the index."""
EMBEDDING, WEIGHTS = "EMBEDDING#", "WEIGHTS#"
"""How the sort keys begin of what is erased with an identity."""
SCORE, DELIVERY, ENDPOINT = "SCORE#", "DELIVERY#", "ENDPOINT#"
CELL, USED_BY, VIEW = "CELL#", "EVALUATION#", "VIEW#"
SLOTS = "SLOTS"
SCORING = "SCORING"
NAMED_BY_ID = {"ATTEMPT", "IDENTITY", "GENERATION", "JOB", "EVENT", "EVALUATION"}
NOT_DUE: dict[str, None] = {"gsi1pk": None, "gsi1sk": None, "due_at": None}
"""The attributes of a row that nobody has to see to any more."""


def may_exist(key: Key) -> bool:
    """Return False where an id in the key has not the form of ours: no row has it, nobody has to look.

    Callers send ids of any kind, and DynamoDB refuses a ``pk`` of more than 2,048 bytes
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html, read 2026-11-28).
    """
    kind, _, identifier = key["pk"].partition("#")
    if key["sk"].startswith(ENDPOINT):
        identifier = key["sk"].removeprefix(ENDPOINT)
    elif kind not in NAMED_BY_ID:
        return True
    return ID.fullmatch(identifier) is not None


def identity(identity_id: str) -> Key:
    """An identity; once it is erased, its receipt."""
    return {"pk": f"IDENTITY#{identity_id}", "sk": "IDENTITY"}


def embedded_references(identity_id: str, by: str) -> Key:
    """An identity's references as an encoder sees them, by all that decides how."""
    return {"pk": identity(identity_id)["pk"], "sk": f"{EMBEDDING}{by}"}


def trained_weights(owner: str, digest: str) -> Key:
    """Whose identity was trained to these weights."""
    return {"pk": f"{WEIGHTS}{digest}", "sk": f"OWNER#{owner}"}


def trained_weights_of(identity_id: str, owner: str, digest: str) -> Key:
    """Beside the identity: that there is a row ``trained_weights``, which goes when the identity goes."""
    found_by = trained_weights(owner, digest)
    return {"pk": identity(identity_id)["pk"], "sk": f"{found_by['pk']}/{found_by['sk']}"}


def trained_weights_at(sort_key: str) -> Key:
    """The row ``trained_weights`` that a sort key beside an identity stands for."""
    pk, _, sk = sort_key.partition("/")
    return {"pk": pk, "sk": sk}


def generation(generation_id: str) -> Key:
    """A generation; its scores lie beside it."""
    return {"pk": f"GENERATION#{generation_id}", "sk": "GENERATION"}


def scoring(generation_id: str) -> Key:
    """That somebody waits for the scores of a generation's pictures, until their time is over."""
    return {"pk": generation(generation_id)["pk"], "sk": SCORING}


def score(generation_id: str, image_index: int, encoder: str) -> Key:
    """An encoder's score of one of a generation's images; an earlier version's by all that decides how."""
    return {"pk": generation(generation_id)["pk"], "sk": f"{SCORE}{image_index:02}#{encoder}"}


def image_index_of(score_sk: str) -> int:
    """Return the index of the image that a score's sort key is about."""
    return int(score_sk.split("#")[1])


def evaluation(evaluation_id: str) -> Key:
    """An evaluation; what became of its cells, and its scores, lie beside it."""
    return {"pk": f"EVALUATION#{evaluation_id}", "sk": "EVALUATION"}


def cell(evaluation_id: str, cell_id: str) -> Key:
    """The row of what became of one order of pictures of an evaluation."""
    return {"pk": evaluation(evaluation_id)["pk"], "sk": f"{CELL}{cell_id}"}


def shared_score(evaluation_id: str, generation_id: str, image_index: int) -> Key:
    """The score of a picture of an evaluation against all references of its character."""
    return {"pk": evaluation(evaluation_id)["pk"], "sk": f"{SCORE}{generation_id}#{image_index:02}"}


def shared_references(evaluation_id: str, by: str) -> Key:
    """All references of an evaluation's character as an encoder sees them; not among what is counted."""
    return {"pk": f"REFERENCES#{evaluation_id}", "sk": f"{EMBEDDING}{by}"}


def shared_view(evaluation_id: str, generation_id: str, image_index: int) -> Key:
    """A picture of an evaluation as its encoder sees it; not among what is counted."""
    references = shared_references(evaluation_id, "")["pk"]
    return {"pk": references, "sk": f"{VIEW}{generation_id}#{image_index:02}"}


def used_by(identity_id: str, evaluation_id: str) -> Key:
    """Beside an identity: that it is part of an evaluation."""
    return {"pk": identity(identity_id)["pk"], "sk": f"{USED_BY}{evaluation_id}"}


def evaluations_of(owner: str) -> str:
    """The ``gsi1pk`` of an owner's evaluations."""
    return f"EVALUATIONS#{owner}"


def intake(subject_id: str) -> Key:
    """That objects are stored for an identity or evaluation whose own row is not there yet."""
    return {"pk": f"INTAKE#{subject_id}", "sk": "INTAKE"}


def job(job_id: str) -> Key:
    """A row of the ledger."""
    return {"pk": f"JOB#{job_id}", "sk": "JOB"}


def slots(account: str) -> Key:
    """The row of the jobs that run at a provider's account; who waits lies beside it."""
    return {"pk": f"SLOTS#{account}", "sk": SLOTS}


def waits_for_slot(account: str, job_id: str) -> Key:
    """That a job waits for a slot."""
    return {"pk": slots(account)["pk"], "sk": f"WAITING#{job_id}"}


def provider_job(kind: str, provider_job_id: str) -> Key:
    """Whose job it is that a provider calls so; Astria counts its tunes and its prompts each for itself."""
    return {"pk": f"PROVIDERJOB#{kind}#{provider_job_id}", "sk": "PROVIDERJOB"}


def budget(owner: str, month: str) -> Key:
    """An owner's month, as in ``2026-11``."""
    return {"pk": f"BUDGET#{owner}", "sk": month}


def operator_budget(month: str) -> Key:
    """The month of all owners together."""
    return {"pk": "OPERATOR", "sk": f"BUDGET#{month}"}


def budget_limit(owner: str) -> Key:
    """Another limit than the default, given by an operator."""
    return {"pk": f"BUDGET#{owner}", "sk": "LIMIT"}


def stored(owner: str) -> Key:
    """The row that counts an owner's identities."""
    return {"pk": f"STORED#{owner}", "sk": "IDENTITIES"}


def event(event_id: str) -> Key:
    """An event; its deliveries lie beside it."""
    return {"pk": f"EVENT#{event_id}", "sk": "EVENT"}


def delivery(event_id: str, endpoint_id: str) -> Key:
    """The row of how far telling an event to one endpoint is."""
    return {"pk": event(event_id)["pk"], "sk": f"{DELIVERY}{endpoint_id}"}


def endpoint(owner: str, endpoint_id: str) -> Key:
    """An address where an owner wants to hear of events."""
    return {"pk": endpoints(owner), "sk": f"{ENDPOINT}{endpoint_id}"}


def endpoints(owner: str) -> str:
    """The ``pk`` of an owner's endpoints."""
    return f"OWNER#{owner}"


def attempt(attempt_id: str) -> Key:
    """One request to an endpoint; the index lists an endpoint's by time."""
    return {"pk": f"ATTEMPT#{attempt_id}", "sk": "ATTEMPT"}


def attempts_at(endpoint_id: str) -> str:
    """The ``gsi1pk`` of an endpoint's attempts."""
    return f"ATTEMPTS#{endpoint_id}"


def request_count(owner: str, since: datetime) -> Key:
    """The row that counts an owner's requests in the stretch of time that began then."""
    return {"pk": f"REQUESTS#{owner}", "sk": since.isoformat()}


def call(digest: str) -> Key:
    """The latest of equal calls."""
    return {"pk": f"CALL#{digest}", "sk": "CALL"}


def call_delivered(target_id: str) -> Key:
    """That the outcome of a call was told."""
    return {"pk": f"CALL#{target_id}", "sk": "DELIVERED"}


def id_of(pk: str) -> str:
    """The id in a ``pk``."""
    return pk.partition("#")[2]


def kind_and_id(key: Key) -> tuple[str, str]:
    """Return what a row is, as in ``job`` or ``delivery``, and the id in its ``pk``."""
    return key["sk"].partition("#")[0].lower(), id_of(key["pk"])


def identities_of(owner: str) -> str:
    """The ``gsi1pk`` of an owner's identities."""
    return f"IDENTITIES#{owner}"


def generations_of(identity_id: str) -> str:
    """The ``gsi1pk`` of an identity's generations."""
    return f"GENERATIONS#{identity_id}"


def listed(gsi1pk: str, at: datetime) -> Key:
    """The attributes by which the index lists a row, in the order of time."""
    return {"gsi1pk": gsi1pk, "gsi1sk": at.isoformat()}


def due(at: datetime, place: str = OPEN) -> Key:
    """The attributes by which a row is among the open work from then on."""
    return {**listed(place, at), "due_at": at.isoformat()}
