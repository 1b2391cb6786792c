"""The one list of functions: what each is for, what calls it, what it may touch. Plain data."""

from dataclasses import dataclass
from typing import Literal

AUTHORIZER = "authorizer"
IMAGE_STORED = "picture stored"  # S3 tells EventBridge that an object was created under generations/
EVENT_PUBLISHED = "event published"  # we told EventBridge that something ended, or that webhooks are due
EVERY_MINUTE = "every minute"
TRAIN_IDENTITY = "train_identity"
GENERATE_IMAGES = "generate_images"
BOTH_MACHINES = "train_identity and generate_images"

Secret = Literal["fal", "astria"]


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function, named like its folder, and the rights that its role gets: these and no others."""

    name: str
    purpose: str
    trigger: str  # a route ("GET /v1/providers"), a state machine, or one of the constants above
    memory_mb: int = 512
    timeout_s: int
    table: Literal["none", "read", "write"] = "none"  # write includes read
    reads: tuple[str, ...] = ()  # S3 prefixes
    writes: tuple[str, ...] = ()  # S3 prefixes
    lists: bool = False  # the bucket's keys; without it S3 answers 403, not 404, for a key that is not there
    adapters: bool = False  # knows the providers, for their limits and prices or to call them
    secrets: tuple[Secret, ...] = ()  # calls them with these keys
    copies: bool = False  # downloads what a provider made
    deletes: tuple[str, ...] = ()  # S3 prefixes
    spends: bool = False  # accepts orders that cost money, within its owner's budget
    quotes: bool = False  # says what its owner may still spend; so does what spends
    limited: bool = False  # takes so many requests of an owner a minute; so does what spends
    calls_back: bool = False  # tells providers where to call back
    starts: tuple[str, ...] = ()  # state machines
    wakes: tuple[str, ...] = ()  # state machines that wait for a callback
    watches: tuple[str, ...] = ()  # state machines whose executions it looks at, and stops
    publishes: bool = False  # puts events on the default bus of EventBridge
    webhooks: bool = False  # checks the addresses that callers gave for their webhooks, or posts to them
    invokes: tuple[str, ...] = ()  # other functions, and waits for their answer
    image: bool = False  # a container image; all others are zip files under the two layers

    @property
    def route(self) -> str:
        """The trigger if it is a route of the API, else empty."""
        return self.trigger if " /" in self.trigger else ""


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
        purpose="Hands out upload tickets for reference images",
        trigger="POST /v1/references",
        timeout_s=29,
        table="write",  # the count of requests; nothing else is written by those that only check or estimate
        writes=("uploads/",),  # a presigned POST carries the rights of the role that signed it
        limited=True,
    ),
    Function(
        name="check_references",
        purpose="Says what is wrong with reference images before anything is paid",
        trigger="POST /v1/references/check",
        memory_mb=1769,  # as create_identity, which does the same
        timeout_s=29,
        table="write",
        reads=("uploads/",),
        lists=True,
        adapters=True,
        invokes=("score_image",),
        limited=True,
    ),
    Function(
        name="list_providers",
        purpose="Lists the providers with limits, capabilities and prices",
        trigger="GET /v1/providers",
        timeout_s=29,
        adapters=True,
    ),
    Function(
        name="create_identity",
        purpose="Checks and keeps the reference images, then starts the training",
        trigger="POST /v1/identities",
        memory_mb=1769,  # one whole core: decoding images is all it does
        timeout_s=29,
        table="write",
        reads=("uploads/", "references/", "weights/"),
        writes=("references/",),
        lists=True,
        adapters=True,
        starts=(TRAIN_IDENTITY,),
        invokes=("score_image",),  # to look at the references
        spends=True,
        publishes=True,  # that it is ready, where nothing is trained
        deletes=("references/",),  # of an order that was refused after all
    ),
    Function(
        name="list_identities",
        purpose="Lists the caller's identities",
        trigger="GET /v1/identities",
        timeout_s=29,
        table="read",
        reads=("references/", "weights/"),  # the answer holds links that this role signs; so do those below
    ),
    Function(
        name="get_identity",
        purpose="Answers one identity with the progress of its training",
        trigger="GET /v1/identities/{identity_id}",
        timeout_s=29,
        table="read",
        reads=("references/", "weights/"),
    ),
    Function(
        name="erase_identity",
        purpose="Erases an identity and all that was made of it",
        trigger="DELETE /v1/identities/{identity_id}",
        timeout_s=29,
        table="write",
        lists=True,
        adapters=True,
        secrets=("fal", "astria"),  # to delete there too
        deletes=("references/", "weights/", "generations/"),
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),
        publishes=True,
        limited=True,
    ),
    Function(
        name="create_generation",
        purpose="Starts to generate pictures of an identity",
        trigger="POST /v1/identities/{identity_id}/generations",
        timeout_s=29,
        table="write",
        reads=("generations/",),
        adapters=True,
        starts=(GENERATE_IMAGES,),
        spends=True,
    ),
    Function(
        name="get_generation",
        purpose="Answers one generation with its pictures and their scores",
        trigger="GET /v1/generations/{generation_id}",
        timeout_s=29,
        table="read",
        reads=("generations/",),
    ),
    Function(
        name="list_generations",
        purpose="Lists the generations of an identity",
        trigger="GET /v1/identities/{identity_id}/generations",
        timeout_s=29,
        table="read",
        reads=("generations/",),
    ),
    Function(
        name="cancel_identity",
        purpose="Gives the training of an identity up",
        trigger="POST /v1/identities/{identity_id}/cancel",
        timeout_s=29,
        table="write",
        reads=("references/", "weights/"),
        wakes=(TRAIN_IDENTITY,),
        publishes=True,
        limited=True,
    ),
    Function(
        name="estimate_identity",
        purpose="Says what creating an identity would cost",
        trigger="POST /v1/identities/estimate",
        timeout_s=29,
        table="write",
        adapters=True,
        quotes=True,
        limited=True,
    ),
    Function(
        name="estimate_generation",
        purpose="Says what pictures of an identity would cost",
        trigger="POST /v1/identities/{identity_id}/generations/estimate",
        timeout_s=29,
        table="write",
        adapters=True,
        quotes=True,
        limited=True,
    ),
    Function(
        name="get_usage",
        purpose="Says what the caller spent in a month",
        trigger="GET /v1/usage",
        timeout_s=29,
        table="read",
        quotes=True,
    ),
    Function(
        name="create_webhook",
        purpose="Registers an address that hears of the caller's events",
        trigger="POST /v1/webhooks",
        timeout_s=29,
        table="write",
        webhooks=True,
    ),
    Function(
        name="list_webhooks",
        purpose="Lists the addresses that hear of the caller's events",
        trigger="GET /v1/webhooks",
        timeout_s=29,
        table="read",
    ),
    Function(
        name="delete_webhook",
        purpose="Forgets an address that heard of the caller's events",
        trigger="DELETE /v1/webhooks/{endpoint_id}",
        timeout_s=29,
        table="write",
    ),
    Function(
        name="get_event",
        purpose="Answers one event and how far telling it is",
        trigger="GET /v1/events/{event_id}",
        timeout_s=29,
        table="read",
    ),
    Function(
        name="replay_event",
        purpose="Has the webhooks of one event sent again",
        trigger="POST /v1/events/{event_id}/replay",
        timeout_s=29,
        table="write",
        publishes=True,
    ),
    # what all of this is
    Function(
        name="show_openapi",
        purpose="Describes the API in the form of OpenAPI",
        trigger="GET /openapi.json",
        timeout_s=10,
    ),
    Function(
        name="show_docs",
        purpose="Shows a page to try the API on",
        trigger="GET /docs",
        timeout_s=10,
    ),
    # the compatibility proxies
    Function(
        name="proxy_fal_instant",
        purpose="Draws with Instant Character for the TypeScript client",
        trigger="ANY /api/fal-instant-character-proxy",
        memory_mb=1024,
        timeout_s=29,
        table="write",
        reads=("generations/",),
        writes=("references/",),
        adapters=True,
        secrets=("fal",),  # only to say at once that there is no key
        starts=(GENERATE_IMAGES,),
        spends=True,
        publishes=True,
    ),
    Function(
        name="proxy_fal_lora_train",
        purpose="Starts a LoRA training for the TypeScript client",
        trigger="ANY /api/fal-lora-training-proxy",
        memory_mb=1769,
        timeout_s=29,
        table="write",
        writes=("references/",),
        adapters=True,
        secrets=("fal",),
        starts=(TRAIN_IDENTITY,),
        spends=True,
        deletes=("references/",),  # of an order that was refused after all
    ),
    Function(
        name="proxy_fal_lora_status",
        purpose="Answers how far a LoRA training is, to the TypeScript client",
        trigger="ANY /api/fal-lora-status-proxy",
        timeout_s=29,
        table="read",
        reads=("weights/",),
    ),
    Function(
        name="proxy_fal_lora_generate",
        purpose="Draws with a trained LoRA for the TypeScript client",
        trigger="ANY /api/fal-lora-inference-proxy",
        timeout_s=29,
        table="write",
        reads=("generations/",),
        adapters=True,
        secrets=("fal",),
        starts=(GENERATE_IMAGES,),
        spends=True,
    ),
    Function(
        name="proxy_astria_create_tune",
        purpose="Starts an Astria training, in Astria's shape",
        trigger="POST /api/astria/tunes",
        memory_mb=1769,
        timeout_s=29,
        table="write",
        writes=("references/",),
        adapters=True,
        secrets=("astria",),
        starts=(TRAIN_IDENTITY,),
        spends=True,
        deletes=("references/",),  # of an order that was refused after all
    ),
    Function(
        name="proxy_astria_get_tune",
        purpose="Answers how far an Astria training is, in Astria's shape",
        trigger="GET /api/astria/tunes/{tune_id}",
        timeout_s=29,
        table="read",
    ),
    Function(
        name="proxy_astria_create_prompt",
        purpose="Orders pictures of an Astria training, in Astria's shape",
        trigger="POST /api/astria/tunes/{tune_id}/prompts",
        timeout_s=29,
        table="write",
        reads=("generations/",),
        adapters=True,
        secrets=("astria",),
        starts=(GENERATE_IMAGES,),
        spends=True,
    ),
    Function(
        name="proxy_astria_get_prompt",
        purpose="Answers the pictures of a prompt, in Astria's shape",
        trigger="GET /api/astria/tunes/{tune_id}/prompts/{prompt_id}",
        timeout_s=29,
        table="write",  # that their outcome was told
        reads=("generations/",),
    ),
    Function(
        name="proxy_astria",
        purpose="Does all four Astria actions behind one address for the TypeScript client",
        trigger="ANY /api/astria-proxy",
        memory_mb=1769,
        timeout_s=29,
        table="write",
        reads=("generations/",),
        writes=("references/",),
        adapters=True,
        secrets=("astria",),
        starts=(TRAIN_IDENTITY, GENERATE_IMAGES),
        spends=True,
        deletes=("references/",),  # of an order that was refused after all
    ),
    # callbacks of the providers
    Function(
        name="receive_fal_callback",
        purpose="Hears from fal that a job has ended, and wakes who waits for it",
        trigger="POST /webhooks/fal",
        timeout_s=15,  # fal waits no longer
        table="write",
        adapters=True,
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),
    ),
    Function(
        name="receive_astria_callback",
        purpose="Hears from Astria that a job has ended, and wakes who waits for it",
        trigger="POST /webhooks/astria/{token}",
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
        timeout_s=60,
        table="write",
        reads=("references/",),
        adapters=True,
        secrets=("fal",),  # Astria takes the pictures with the order
    ),
    Function(
        name="submit_training",
        purpose="Orders the training once",
        trigger=TRAIN_IDENTITY,
        timeout_s=60,
        table="write",
        reads=("references/",),
        adapters=True,
        secrets=("fal", "astria"),
        calls_back=True,
    ),
    Function(
        name="check_training",
        purpose="Asks the provider how far the training is",
        trigger=TRAIN_IDENTITY,
        timeout_s=60,
        table="write",
        adapters=True,
        secrets=("fal", "astria"),
        calls_back=True,
    ),
    Function(
        name="store_weights",
        purpose="Copies the trained weights to our bucket and verifies them",
        trigger=TRAIN_IDENTITY,
        memory_mb=1024,
        timeout_s=300,
        table="write",
        writes=("weights/",),
        copies=True,
        deletes=("weights/",),
    ),
    Function(
        name="record_training",
        purpose="Writes the outcome of the training to the table",
        trigger=TRAIN_IDENTITY,
        timeout_s=60,
        table="write",
        publishes=True,
    ),
    Function(
        name="wait_for_callback",
        purpose="Keeps by what a waiting state machine is woken when a provider calls back",
        trigger=BOTH_MACHINES,
        timeout_s=30,
        table="write",
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),
    ),
    # tasks of generate_images
    Function(
        name="submit_generation",
        purpose="Orders the pictures once",
        trigger=GENERATE_IMAGES,
        timeout_s=60,
        table="write",
        reads=("references/", "weights/"),
        adapters=True,
        secrets=("fal", "astria"),
        calls_back=True,
    ),
    Function(
        name="check_generation",
        purpose="Asks the provider for the pictures",
        trigger=GENERATE_IMAGES,
        timeout_s=60,
        table="write",
        adapters=True,
        secrets=("fal", "astria"),
        calls_back=True,
    ),
    Function(
        name="store_images",
        purpose="Copies the pictures to our bucket and verifies them",
        trigger=GENERATE_IMAGES,
        memory_mb=1024,
        timeout_s=120,
        table="write",
        writes=("generations/",),
        copies=True,
        deletes=("generations/",),
    ),
    Function(
        name="record_generation",
        purpose="Writes the outcome of the generation to the table",
        trigger=GENERATE_IMAGES,
        timeout_s=60,
        table="write",
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
        secrets=("fal", "astria"),  # erasures go on there, and jobs that nobody wants are stopped
        deletes=("references/", "weights/", "generations/"),
        starts=(TRAIN_IDENTITY, GENERATE_IMAGES),
        watches=(TRAIN_IDENTITY, GENERATE_IMAGES),
        wakes=(TRAIN_IDENTITY, GENERATE_IMAGES),
        publishes=True,
    ),
    # scoring
    Function(
        name="score_image",
        purpose="Compares a stored picture with the references of its identity",
        trigger=IMAGE_STORED,
        memory_mb=3008,
        timeout_s=120,
        table="write",
        reads=("generations/", "references/"),
        lists=True,
        image=True,
    ),
)
