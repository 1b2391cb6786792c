"""The one list of functions: what each is for, what calls it, what it may touch. Plain data.

What the API calls, and by which routes, says the table of routes; here are the IAM permissions that it takes.
"""

from dataclasses import dataclass
from typing import Any, Literal

from character_identity.api.route import Route
from character_identity.api.routes.table import ROUTES
from character_identity.domain.object_keys import EVALUATIONS, GENERATIONS, REFERENCES, UPLOADS, WEIGHTS

API = "the API"
AUTHORIZER = "authorizer"
NO_ROUTE = "a call of the API that no route takes"
IMAGE_STORED = "picture stored"  # S3 tells EventBridge that an object was created under generations/
EVENT_PUBLISHED = "event published"  # we told EventBridge that something ended, or that webhooks are due
EVERY_MINUTE = "every minute"
EVERY_DAY = "every day"
DIRECT_CALL = "direct call"  # of another function, which waits for the answer
TRAIN_IDENTITY = "train_identity"
GENERATE_IMAGES = "generate_images"
RUN_EVALUATION = "run_evaluation"
ALL_MACHINES = "all state machines"

Secret = Literal["fal", "fal-admin", "astria", "provenance"]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How a function takes messages from a queue."""

    batch: int  # messages at once, all of them within the function's time
    window_s: int = 0  # time to wait for a batch to be full
    concurrency: str  # the parameter with the number of batches side by side


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function, named like its folder, and the rights that its role gets: these and no others."""

    name: str
    purpose: str = ""  # of what the API calls: the summary of its route
    trigger: str = API  # or a state machine, or another of the constants above
    memory_mb: int = 512
    timeout_s: int = 29  # API Gateway waits a second longer
    table: Literal["none", "read", "write"] = "none"  # write includes read
    reads: tuple[str, ...] = ()  # S3 prefixes
    writes: tuple[str, ...] = ()  # S3 prefixes
    shows_media: bool = False  # makes pages that load pictures: knows the bucket's name, and may read nothing
    lists: bool = False  # the bucket's keys; without it S3 answers 403, not 404, for a key that is not there
    adapters: bool = False  # knows the providers, for their limits and prices or to call them
    secrets: tuple[Secret, ...] = ()  # calls providers with these keys; signs pictures with provenance's
    fetches: bool = False  # follows links of callers within a request; a parameter bounds how many at once
    copies: bool = False  # downloads what a provider made
    deletes: tuple[str, ...] = ()  # S3 prefixes
    spends: bool = False  # accepts orders that cost money, within its owner's budget
    quotes: bool = False  # says what may still be spent; so does what spends
    calls_back: bool = False  # tells providers where to call back
    leases: bool = False  # gives providers' slots to jobs and takes them back
    starts: tuple[str, ...] = ()  # state machines
    wakes: tuple[str, ...] = ()  # state machines that wait for a callback, or for a slot
    watches: tuple[str, ...] = ()  # state machines whose executions it looks at, and stops
    publishes: bool = False  # puts events on the default bus of EventBridge
    webhooks: bool = False  # checks the addresses that callers gave for their webhooks, or posts to them
    invokes: tuple[str, ...] = ()  # other functions, and waits for their answer
    evaluates: bool = False  # knows the scenarios that are shipped, and what results are made of
    image: str = ""  # the folder with its Dockerfile; all others are zip files under layers
    queue: Queue | None = None  # in which the events wait that trigger it

    @property
    def routes(self) -> tuple[Route[Any], ...]:
        """The routes of the API that it serves."""
        return tuple(route for route in ROUTES if route.function == self.name)

    @property
    def description(self) -> str:
        return self.purpose or self.routes[0].summary

    @property
    def is_limited(self) -> bool:
        """Return True if its owner may call it only so often in a minute."""
        return any(route.counted_as for route in self.routes)


def pascal(name: str) -> str:
    """``submit_training`` as ``SubmitTraining``: its name in the template and in the state machines."""
    return "".join(word.capitalize() for word in name.split("_"))


FUNCTIONS = (
    # the API
    Function(
        name="authorize_request",
        purpose="Verifies the bearer token of every request and names its owner",
        trigger=AUTHORIZER,
        timeout_s=10,
    ),
    Function(
        name="create_references",
        table="write",  # the count of requests; nothing else is written by those that only check or estimate
        writes=(UPLOADS,),  # a presigned POST carries the rights of the role that signed it
    ),
    Function(
        name="check_references",
        memory_mb=1769,  # as create_identity, which does the same
        table="write",
        reads=(UPLOADS,),
        lists=True,
        adapters=True,
        fetches=True,
        invokes=("analyze_images",),
    ),
    Function(
        name="list_providers",
        adapters=True,
        secrets=("fal", "astria"),  # only to say whether there is a key
    ),
    Function(
        name="create_identity",
        memory_mb=1769,  # one whole core: decoding images is all it does
        table="write",
        reads=(UPLOADS, REFERENCES, WEIGHTS),
        writes=(REFERENCES,),
        lists=True,
        adapters=True,
        fetches=True,
        starts=(TRAIN_IDENTITY,),
        invokes=("analyze_images",),  # to look at the references
        spends=True,
        publishes=True,  # that it is ready, where nothing is trained
    ),
    Function(
        name="list_identities",
        table="read",
        reads=(REFERENCES,),  # the answer holds links that this role signs; so do those below
    ),
    Function(name="get_identity", table="read", reads=(REFERENCES, WEIGHTS)),
    Function(name="rename_identity", table="write", reads=(REFERENCES, WEIGHTS)),
    Function(
        name="erase_identity",
        table="write",
        lists=True,
        adapters=True,
        secrets=("fal", "fal-admin", "astria"),  # to delete there too
        deletes=(REFERENCES, WEIGHTS, GENERATIONS, EVALUATIONS),
        starts=(RUN_EVALUATION,),  # to have results made anew, without it
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),
        publishes=True,
    ),
    Function(
        name="create_generation",
        table="write",
        reads=(GENERATIONS,),
        adapters=True,
        starts=(GENERATE_IMAGES,),
        spends=True,
    ),
    Function(name="get_generation", table="read", reads=(GENERATIONS,)),
    Function(
        name="erase_generation",
        table="write",
        lists=True,
        adapters=True,
        secrets=("fal", "fal-admin", "astria"),  # to delete there too
        deletes=(GENERATIONS, EVALUATIONS),
        starts=(RUN_EVALUATION,),  # to have results made anew, without it
        wakes=(GENERATE_IMAGES,),
    ),
    Function(name="list_generations", table="read", reads=(GENERATIONS,)),
    Function(
        name="cancel_identity",
        table="write",
        reads=(REFERENCES, WEIGHTS),
        wakes=(TRAIN_IDENTITY,),
        publishes=True,
    ),
    Function(
        name="estimate_identity",
        table="write",
        adapters=True,
        quotes=True,
    ),
    Function(
        name="estimate_generation",
        table="write",
        adapters=True,
        quotes=True,
    ),
    Function(
        name="compare_images",
        memory_mb=3008,  # as score_image
        table="read",
        reads=(UPLOADS, REFERENCES, GENERATIONS),
        lists=True,
        fetches=True,
        image="score_image",
    ),
    Function(
        name="create_evaluation",
        memory_mb=1769,  # as create_identity
        table="write",
        reads=(UPLOADS,),
        writes=(REFERENCES, EVALUATIONS),
        lists=True,
        adapters=True,
        secrets=("fal", "astria"),  # only to say whether there is a key
        fetches=True,
        starts=(RUN_EVALUATION,),
        invokes=("analyze_images",),
        spends=True,
        evaluates=True,
    ),
    Function(
        name="estimate_evaluation",
        table="write",
        adapters=True,
        secrets=("fal", "astria"),  # only to say whether there is a key
        quotes=True,
        evaluates=True,
    ),
    Function(name="list_evaluations", table="read"),
    Function(name="get_evaluation", table="read"),
    Function(
        name="cancel_evaluation",
        table="write",
        wakes=(TRAIN_IDENTITY, RUN_EVALUATION),
        publishes=True,
    ),
    Function(
        name="erase_evaluation",
        table="write",
        lists=True,
        deletes=(REFERENCES, EVALUATIONS),
    ),
    Function(
        name="get_evaluation_result",
        memory_mb=1024,
        table="read",
        reads=(EVALUATIONS, REFERENCES, GENERATIONS),  # it signs links to pictures
        writes=(EVALUATIONS,),  # a page with links that is too large for an answer
        lists=True,
    ),
    Function(name="get_usage", table="read", quotes=True),
    Function(name="create_webhook", table="write", webhooks=True),
    Function(name="list_webhooks", table="read"),
    Function(
        name="manage_webhook",
        purpose="Changes, tests and removes one of the caller's webhooks, and says what was posted there",
        table="write",
        publishes=True,  # that a test is due
    ),
    Function(name="get_event", table="read"),
    Function(name="replay_event", table="write", publishes=True),
    # what all of this is
    Function(name="show_start", timeout_s=10),
    Function(name="show_health", timeout_s=10),
    Function(name="show_openapi", timeout_s=10),
    Function(name="show_docs", timeout_s=10, shows_media=True),
    Function(
        name="refuse_unrouted",
        purpose="Says what an address takes, or that there is none",
        trigger=NO_ROUTE,
        timeout_s=10,
    ),
    # the compatibility proxies
    Function(
        name="proxy_fal_instant",
        memory_mb=1024,
        table="write",
        reads=(GENERATIONS,),
        writes=(REFERENCES,),
        adapters=True,
        fetches=True,
        secrets=("fal",),  # only to say at once that there is no key
        starts=(GENERATE_IMAGES,),
        spends=True,
        publishes=True,
    ),
    Function(
        name="proxy_fal_lora_train",
        memory_mb=1769,
        table="write",
        writes=(REFERENCES,),
        adapters=True,
        fetches=True,
        secrets=("fal",),
        starts=(TRAIN_IDENTITY,),
        spends=True,
    ),
    Function(name="proxy_fal_lora_status", table="read", reads=(WEIGHTS,)),
    Function(
        name="proxy_fal_lora_generate",
        table="write",
        reads=(GENERATIONS,),
        adapters=True,
        fetches=True,
        secrets=("fal",),
        starts=(GENERATE_IMAGES,),
        spends=True,
    ),
    Function(
        name="proxy_astria_create_tune",
        memory_mb=1769,
        table="write",
        writes=(REFERENCES,),
        adapters=True,
        fetches=True,
        secrets=("astria",),
        starts=(TRAIN_IDENTITY,),
        spends=True,
    ),
    Function(
        name="proxy_astria_get_tune",
        table="read",
        adapters=True,
        secrets=("astria",),  # to ask whether an old tune is there still
    ),
    Function(
        name="proxy_astria_create_prompt",
        table="write",
        reads=(GENERATIONS,),
        adapters=True,
        secrets=("astria",),
        starts=(GENERATE_IMAGES,),
        spends=True,
    ),
    Function(
        name="proxy_astria_get_prompt",
        table="write",  # that their outcome was told
        reads=(GENERATIONS,),
    ),
    Function(
        name="proxy_astria",
        memory_mb=1769,
        table="write",
        reads=(GENERATIONS,),
        writes=(REFERENCES,),
        adapters=True,
        fetches=True,
        secrets=("astria",),
        starts=(TRAIN_IDENTITY, GENERATE_IMAGES),
        spends=True,
    ),
    # callbacks of the providers
    Function(
        name="receive_fal_callback",
        timeout_s=15,  # fal waits no longer
        table="write",
        adapters=True,
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),
    ),
    Function(
        name="receive_astria_callback",
        timeout_s=15,
        table="write",
        adapters=True,
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),
    ),
    # tasks of train_identity
    Function(
        name="prepare_training",
        purpose="Packs the references in the form that the provider trains from",
        trigger=TRAIN_IDENTITY,
        memory_mb=1024,
        timeout_s=90,  # an upload that is as slow as it may be
        table="write",
        reads=(REFERENCES,),
        lists=True,
        adapters=True,
        secrets=("fal",),  # Astria takes the pictures with the order
    ),
    Function(
        name="submit_training",
        purpose="Orders the training once",
        trigger=TRAIN_IDENTITY,
        timeout_s=120,  # that again, where it was long ago, and the order
        table="write",
        reads=(REFERENCES,),
        lists=True,
        adapters=True,
        secrets=("fal", "astria"),
        calls_back=True,
        leases=True,
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),  # whoever is next, where its order is put off
    ),
    Function(
        name="check_training",
        purpose="Asks the provider how far the training is",
        trigger=TRAIN_IDENTITY,
        timeout_s=120,  # three calls to a provider, as long as each may take
        table="write",
        adapters=True,
        secrets=("fal", "astria"),
        calls_back=True,
        leases=True,
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),  # whoever is next
    ),
    Function(
        name="store_weights",
        purpose="Copies the trained weights to our bucket and verifies them",
        trigger=TRAIN_IDENTITY,
        memory_mb=1024,
        timeout_s=300,
        table="write",
        writes=(WEIGHTS,),
        copies=True,
        deletes=(WEIGHTS,),
    ),
    Function(
        name="record_training",
        purpose="Writes the outcome of the training to the table",
        trigger=TRAIN_IDENTITY,
        timeout_s=60,
        table="write",
        publishes=True,
        leases=True,
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),  # whoever is next
    ),
    Function(
        name="wait_for_callback",
        purpose="Keeps by what a waiting state machine is woken when a provider calls back",
        trigger=ALL_MACHINES,
        timeout_s=30,
        table="write",
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES, RUN_EVALUATION),
    ),
    # tasks of generate_images
    Function(
        name="prepare_generation",
        purpose="Puts the references where the provider reads them",
        trigger=GENERATE_IMAGES,
        timeout_s=90,  # as prepare_training
        table="write",
        reads=(REFERENCES,),
        lists=True,
        adapters=True,
        secrets=("fal",),  # Astria keeps what it was trained from
    ),
    Function(
        name="submit_generation",
        purpose="Orders the pictures once",
        trigger=GENERATE_IMAGES,
        timeout_s=120,  # as submit_training
        table="write",
        reads=(REFERENCES, WEIGHTS),  # references for executions that began before prepare_generation
        lists=True,
        adapters=True,
        secrets=("fal", "astria"),
        calls_back=True,
        leases=True,
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),  # whoever is next, where its order is put off
    ),
    Function(
        name="check_generation",
        purpose="Asks the provider for the pictures",
        trigger=GENERATE_IMAGES,
        memory_mb=1024,
        timeout_s=120,  # three calls to a provider, as long as each may take
        table="write",
        writes=(GENERATIONS,),  # pictures that come in the answer itself
        deletes=(GENERATIONS,),  # of what was erased meanwhile
        adapters=True,
        secrets=("fal", "astria", "provenance"),
        calls_back=True,
        leases=True,
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),  # whoever is next
    ),
    Function(
        name="store_images",
        purpose="Copies the pictures to our bucket and verifies them",
        trigger=GENERATE_IMAGES,
        memory_mb=1024,
        timeout_s=240,  # eight pictures, none of which comes; what came is kept at the end
        table="write",
        writes=(GENERATIONS,),
        secrets=("provenance",),
        copies=True,
        deletes=(GENERATIONS,),
    ),
    Function(
        name="record_generation",
        purpose="Writes the outcome of the generation to the table",
        trigger=GENERATE_IMAGES,
        timeout_s=60,
        table="write",
        publishes=True,
        leases=True,
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),  # whoever is next
    ),
    # tasks of run_evaluation
    Function(
        name="plan_evaluation",
        purpose="Lists what an evaluation draws",
        trigger=RUN_EVALUATION,
        timeout_s=60,
        table="write",
        reads=(EVALUATIONS,),
        writes=(EVALUATIONS,),
        lists=True,
        leases=True,  # how many slots there are
    ),
    Function(
        name="make_identities",
        purpose="Orders the identities of an evaluation",
        trigger=RUN_EVALUATION,
        memory_mb=1769,  # as create_identity, which does the same
        timeout_s=300,
        table="write",
        reads=(REFERENCES,),
        writes=(REFERENCES,),
        lists=True,
        adapters=True,
        starts=(TRAIN_IDENTITY,),
        invokes=("analyze_images",),
        publishes=True,  # that they are ready, where nothing is trained
    ),
    Function(
        name="check_identities",
        purpose="Sees whether the identities of an evaluation are ready",
        trigger=RUN_EVALUATION,
        timeout_s=60,
        table="write",
    ),
    Function(
        name="order_cell",
        purpose="Orders the pictures of a provider and a scenario",
        trigger=RUN_EVALUATION,
        timeout_s=60,
        table="write",
        reads=(EVALUATIONS,),
        lists=True,
        adapters=True,
        starts=(GENERATE_IMAGES,),
    ),
    Function(
        name="check_cell",
        purpose="Sees whether the pictures of a provider and a scenario are there",
        trigger=RUN_EVALUATION,
        timeout_s=60,
        table="write",
        wakes=(GENERATE_IMAGES,),  # to stop what is not wanted any more
        publishes=True,
    ),
    Function(
        name="check_scores",
        purpose="Sees whether the pictures of an evaluation have their scores",
        trigger=RUN_EVALUATION,
        timeout_s=60,
        table="write",
    ),
    Function(
        name="compile_evaluation",
        purpose="Writes the results of an evaluation",
        trigger=RUN_EVALUATION,
        memory_mb=3008,  # as the others of its image
        timeout_s=600,
        table="write",
        reads=(EVALUATIONS,),
        writes=(EVALUATIONS,),
        lists=True,
        image="score_image",
    ),
    Function(
        name="record_evaluation",
        purpose="Writes the outcome of an evaluation, and gives back the money that is left",
        trigger=RUN_EVALUATION,
        timeout_s=120,
        table="write",
        reads=(EVALUATIONS,),
        lists=True,
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),  # to stop what is not wanted any more
        publishes=True,
    ),
    # events out
    Function(
        name="deliver_event",
        purpose="Sends the webhooks of an event that are due",
        trigger=EVENT_PUBLISHED,
        timeout_s=300,  # five addresses, none of which answers; an attempt counts as interrupted after it
        table="write",
        webhooks=True,
        queue=Queue(batch=1, concurrency="DeliveryConcurrency"),
    ),
    # what died in between
    Function(
        name="sweep",
        purpose="Settles what is due and nobody has seen to",
        trigger=EVERY_MINUTE,
        timeout_s=120,
        table="write",
        lists=True,
        adapters=True,
        secrets=("fal", "fal-admin", "astria"),  # erases there, and stops jobs that nobody wants
        deletes=(REFERENCES, WEIGHTS, GENERATIONS, EVALUATIONS),
        reads=(EVALUATIONS,),  # which cells there are to be stopped
        starts=(TRAIN_IDENTITY, GENERATE_IMAGES, RUN_EVALUATION),
        watches=(TRAIN_IDENTITY, GENERATE_IMAGES, RUN_EVALUATION),
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),
        publishes=True,
        copies=True,  # knows from which hosts: it has what is parked fetched once its host is allowed
        leases=True,
        quotes=True,  # how much of the operator's month is used
    ),
    # what changes at the providers
    Function(
        name="check_prices",
        purpose="Compares the providers' prices with our list",
        trigger=EVERY_DAY,
        timeout_s=60,
        adapters=True,
        secrets=("fal",),
    ),
    # scoring
    Function(
        name="score_image",
        purpose="Compares a stored picture with the references of its identity",
        trigger=IMAGE_STORED,
        memory_mb=3008,
        timeout_s=120,
        table="write",
        reads=(GENERATIONS, REFERENCES),
        lists=True,
        publishes=True,
        wakes=(RUN_EVALUATION,),  # with the last score of one
        image="score_image",
        queue=Queue(batch=10, window_s=1, concurrency="ScorerConcurrency"),
    ),
    Function(
        name="analyze_images",
        purpose="Says how alike reference images are, and how many faces each shows",
        trigger=DIRECT_CALL,
        memory_mb=3008,
        timeout_s=29,
        image="score_image",
    ),
)
