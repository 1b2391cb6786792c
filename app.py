"""CDK entry: one App, one stack. Makes no AWS call and needs no Docker, so it synthesises offline.

Context: stage (a file of stages/), architecture (arm64, or x86_64 as the local run needs it), python (that
the layers are built for), checks (``true``: fail on findings of cdk-nag).
"""

import sys

import aws_cdk as cdk

from infra.rules import add_rules
from infra.stack import ARCHITECTURES, CharacterIdentity
from infra.stages import InvalidStage, read_stage
from scripts.build_layers import PYTHON, build_layers
from scripts.openapi import write_openapi

app = cdk.App(analytics_reporting=False)
try:
    stage = read_stage(app.node.try_get_context("stage") or "")
except InvalidStage as invalid:
    sys.exit(str(invalid))
write_openapi()
architecture = app.node.try_get_context("architecture") or "arm64"
python = app.node.try_get_context("python") or PYTHON
layers = build_layers(architecture, python)

stack = CharacterIdentity(
    app,
    stage=stage,
    architecture=ARCHITECTURES[architecture],
    core=layers.core,
    dependencies=layers.dependencies,
    provenance=layers.provenance,
    evaluation=layers.evaluation,
)
if app.node.try_get_context("checks") == "true":
    add_rules(app, stack)
app.synth()
