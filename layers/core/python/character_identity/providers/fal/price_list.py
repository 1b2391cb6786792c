"""Our list of fal's prices, by endpoint."""

from collections.abc import Mapping

from character_identity.domain.prices import Price
from character_identity.providers.fal.flux_lora import FluxLoraImages, FluxLoraTrainer
from character_identity.providers.fal.instant_character import InstantImages

LISTED: Mapping[str, Price] = {
    FluxLoraTrainer.endpoint: FluxLoraTrainer.prices["training"],
    FluxLoraImages.endpoint: FluxLoraImages.price,
    InstantImages.endpoint: InstantImages.price,
}
