"""CDK entry: one App, one stack. Makes no AWS call and needs no Docker, so it synthesises offline.

Context: architecture (arm64, or x86_64 as the local run needs it), python (that the layers are built for),
stage (``dev``: removing the stack removes its data), checks (``true``: fail on findings of cdk-nag).
"""

import aws_cdk as cdk

from infra.rules import add_rules
from infra.stack import ARCHITECTURES, CharacterIdentity
from scripts.build_layers import PYTHON, build_layers
from scripts.openapi import write_openapi

write_openapi()
app = cdk.App(analytics_reporting=False)
architecture = app.node.try_get_context("architecture") or "arm64"
python = app.node.try_get_context("python") or PYTHON
layers = build_layers(architecture, python)
is_dev = app.node.try_get_context("stage") == "dev"

stack = CharacterIdentity(
    app,
    "CharacterIdentity",
    architecture=ARCHITECTURES[architecture],
    core=layers.core,
    dependencies=layers.dependencies,
    removal=cdk.RemovalPolicy.DESTROY if is_dev else cdk.RemovalPolicy.RETAIN,
    description="One character, the same in every picture",
)
if app.node.try_get_context("checks") == "true":
    add_rules(app, stack)
app.synth()
