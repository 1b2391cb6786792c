"""Storage: a bucket for images and weights, a table with TTL for state, secrets for keys."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from character_identity.domain.object_keys import UPLOADS
from infra.catalog import Secret
from infra.stages import Stage

REMOVAL = {"retain": cdk.RemovalPolicy.RETAIN, "destroy": cdk.RemovalPolicy.DESTROY}


class Storage(Construct):
    """The bucket, the table and the secrets; the stage says whether they outlive the stack."""

    def __init__(
        self, scope: Construct, construct_id: str, *, cors_origins: Sequence[str], stage: Stage
    ) -> None:
        super().__init__(scope, construct_id)
        self._removal = REMOVAL[stage.removal_policy]
        self.bucket = self._bucket(cors_origins)
        self.table = self._table(stage.protected)
        self.keys: Mapping[Secret, secretsmanager.Secret] = {
            "fal": self._key("FalKey", "The key of fal"),
            "fal-admin": self._key("FalAdminKey", "An admin key of fal, to delete there; optional"),
            "astria": self._key("AstriaKey", "The key of Astria"),
            "provenance": self._key(
                "ProvenanceKey", "The key and certificates that pictures are signed with"
            ),
        }

    def _bucket(self, cors_origins: Sequence[str]) -> s3.Bucket:
        # The host of the page at /docs has an id that is not known before the API is made. What is read or
        # uploaded is behind a signed link or ticket, whichever page has it. All may read: a page that the API
        # leads on to a large result comes without its origin, as "null" (seen with Chromium 156, 2026-11-29).
        own_pages = [f"https://*.execute-api.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"]
        bucket = s3.Bucket(
            self,
            "Media",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            removal_policy=self._removal,
            cors=[
                s3.CorsRule(allowed_methods=[method], allowed_origins=origins, allowed_headers=["*"])
                for method, origins in (
                    (s3.HttpMethods.POST, list(cors_origins)),
                    (s3.HttpMethods.POST, own_pages),
                    (s3.HttpMethods.GET, ["*"]),
                )
            ],
            lifecycle_rules=[
                s3.LifecycleRule(prefix=UPLOADS, expiration=cdk.Duration.days(1)),
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(1)),
            ],
        )
        # The L2's own switch adds a function of the CDK's with wide rights; the plain property needs none.
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )
        return bucket

    def _table(self, is_protected: bool) -> dynamodb.Table:
        def text(name: str) -> dynamodb.Attribute:
            return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)

        table = dynamodb.Table(
            self,
            "State",
            partition_key=text("pk"),
            sort_key=text("sk"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=is_protected
            ),
            deletion_protection=is_protected,
            time_to_live_attribute="expires_at",
            removal_policy=self._removal,
        )
        table.add_global_secondary_index(
            index_name="gsi1", partition_key=text("gsi1pk"), sort_key=text("gsi1sk")
        )
        return table

    def _key(self, construct_id: str, description: str) -> secretsmanager.Secret:
        """A secret that a person fills; no later deployment changes it, as this text never changes."""
        return secretsmanager.Secret(
            self,
            construct_id,
            description=description,
            secret_string_value=cdk.SecretValue.unsafe_plain_text("not configured"),
            removal_policy=self._removal,
        )
