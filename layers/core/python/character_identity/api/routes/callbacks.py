"""Callbacks of the providers. They have no token of ours: what they send is signed, or comes to an address
that nobody guesses."""

from character_identity.api.route import AN_ID, Answer, Query, Route

HEARD = {
    200: Answer(
        description="Heard; what it says is looked up at the provider", content="application/json", example={}
    )
}

RECEIVE_FAL_CALLBACK = Route(
    method="POST",
    path="/webhooks/fal",
    function="receive_fal_callback",
    tag="Providers",
    summary="fal says that a job has ended",
    description="Signed by fal.",
    schema={"type": "object"},
    query=(
        Query(name="job", description="The id of the job", schema=AN_ID, required=True),
        Query(name="token", description="The secret of the job", schema=AN_ID, required=True),
    ),
    answers=HEARD,
    codes=("invalid_signature", "unknown_callback", "provider_unavailable"),
    is_open=True,
)
RECEIVE_ASTRIA_CALLBACK = Route(
    method="POST",
    path="/webhooks/astria/{token}",
    function="receive_astria_callback",
    tag="Providers",
    summary="Astria says that a job has ended",
    description="Nobody guesses the token.",
    schema={"type": "object"},
    answers=HEARD,
    codes=("unknown_callback",),
    is_open=True,
)

ROUTES = (RECEIVE_FAL_CALLBACK, RECEIVE_ASTRIA_CALLBACK)
