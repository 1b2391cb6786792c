"""A stack as ``cdk synth`` would write it, with one of everything that the local runtime has to carry."""

import json
from pathlib import Path
from typing import Any

CODE = """
import json, os

import boto3
from greeting import GREETING


def authorize(event, context):
    owner = event["headers"].get("authorization", "").removeprefix("Bearer ")
    return {"isAuthorized": owner != "stranger", "context": {"owner": owner}}


def echo(event, context):
    if event["pathParameters"]["name"] == "nobody":
        raise LookupError("a secret detail")
    body = {
        "greeting": f"{GREETING} {event['pathParameters']['name']}",
        "owner": event["requestContext"]["authorizer"]["lambda"]["owner"],
        "query": event.get("queryStringParameters"),
        "body": event.get("body"),
        "path": event["rawPath"],
        "place": os.environ["PLACE"],
        "webhooks": os.environ["WEBHOOK_URL"],
    }
    return {"statusCode": 201, "headers": {"Location": "/there"}, "body": json.dumps(body)}


def record(event, context):
    key = event["detail"]["object"]["key"]
    boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"]).put_item(Item={"pk": key})


def double(event, context):
    return {"number": event["number"] * 2}
"""

IMAGE_CODE = "def handler(event, context): return {'model': open('model/weights.txt').read()}"
DOCKERFILE = """
FROM public.ecr.aws/lambda/python:3.13
COPY image.py ${LAMBDA_TASK_ROOT}/
COPY weights.txt ${LAMBDA_TASK_ROOT}/model/
CMD ["image.handler"]
"""
IMAGE_TAG = "tiny-image-of-the-tests"
BUCKET = "cdk-assets-${AWS::AccountId}-${AWS::Region}"

MACHINE = {
    "StartAt": "Double",
    "States": {
        "Double": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${Double}", "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "End": True,
        }
    },
}


def write(folder: Path) -> Path:
    """Write the assembly into a folder."""
    files = {
        "asset.code/app.py": CODE,
        "asset.layer/python/greeting.py": "GREETING = 'Hello'\n",
        "asset.image/Dockerfile": DOCKERFILE,
        "asset.image/image.py": IMAGE_CODE,
        "asset.image/weights.txt": "some weights",
        "Tiny.template.json": json.dumps(template()),
        "Tiny.assets.json": json.dumps(assets()),
        "manifest.json": json.dumps({"artifacts": {"Tiny": {"type": "aws:cloudformation:stack"}}}),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def assets() -> dict[str, Any]:
    def file(path: str, key: str, packaging: str) -> dict[str, Any]:
        destination = {"bucketName": BUCKET, "objectKey": key}
        return {"source": {"path": path, "packaging": packaging}, "destinations": {"here": destination}}

    return {
        "files": {
            "code": file("asset.code", "code.zip", "zip"),
            "layer": file("asset.layer", "layer.zip", "zip"),
            "template": file("Tiny.template.json", "template.json", "file"),
        },
        "dockerImages": {IMAGE_TAG: {"source": {"directory": "asset.image", "dockerFile": "Dockerfile"}}},
    }


def template() -> dict[str, Any]:
    return {
        "Parameters": {
            "Place": {"Type": "String"},
            "CorsOrigins": {"Type": "CommaDelimitedList", "Default": "https://localhost"},
            "WebhookUrl": {"Type": "String", "Default": ""},
        },
        "Conditions": {"OwnWebhooks": {"Fn::Equals": [{"Ref": "WebhookUrl"}, ""]}},
        "Resources": {
            **functions(),
            **api(),
            "Table": resource(
                "DynamoDB::Table",
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
                TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True},
            ),
            "Media": resource(
                "S3::Bucket",
                NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            ),
            "ImageStored": resource(
                "Events::Rule",
                EventPattern={
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created"],
                    "detail": {"object": {"key": [{"prefix": "generations/"}]}},
                },
                Targets=[{"Id": "T", "Arn": arn("Record")}],
            ),
            "Machine": resource(
                "StepFunctions::StateMachine",
                RoleArn="arn:aws:iam::000000000000:role/any",
                DefinitionString=json.dumps(MACHINE),
                DefinitionSubstitutions={"Double": arn("Double")},
            ),
            "Key": resource("SecretsManager::Secret", SecretString="not configured"),
            "Sweep": resource(
                "Events::Rule",
                ScheduleExpression="rate(1 day)",
                Targets=[{"Id": "T", "Arn": arn("Double")}],
            ),
            **permissions(),
            "Alarm": resource(
                "CloudWatch::Alarm",
                ComparisonOperator="GreaterThanThreshold",
                EvaluationPeriods=1,
                Threshold=0,
                Metrics=[{"Id": "e", "Expression": "SUM(METRICS())"}],
            ),
        },
        "Outputs": {
            name: {"Value": {"Ref": name}} for name in ("Media", "Table", "Machine", "Key", "Image", "Echo")
        },
    }


def functions() -> dict[str, Any]:
    asset_bucket = {"Fn::Sub": BUCKET}
    own_address = {"Fn::GetAtt": ["Api", "ApiEndpoint"]}
    variables = {
        "PLACE": {"Ref": "Place"},
        "TABLE_NAME": {"Ref": "Table"},
        "WEBHOOK_URL": {"Fn::If": ["OwnWebhooks", own_address, {"Ref": "WebhookUrl"}]},
    }
    zipped = {
        name: resource(
            "Lambda::Function",
            Runtime="python3.13",
            Handler=f"app.{name.lower()}",
            Role="arn:aws:iam::000000000000:role/any",
            Timeout=20,
            Code={"S3Bucket": asset_bucket, "S3Key": "code.zip"},
            Layers=[{"Ref": "Layer"}],
            Environment={"Variables": variables},
        )
        for name in ("Authorize", "Echo", "Record", "Double")
    }
    layer = resource("Lambda::LayerVersion", Content={"S3Bucket": asset_bucket, "S3Key": "layer.zip"})
    image = resource(
        "Lambda::Function",
        PackageType="Image",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ImageUri": f"000000000000.dkr.ecr.eu-west-1.amazonaws.com/assets:{IMAGE_TAG}"},
    )
    return {**zipped, "Layer": layer, "Image": image}


def api() -> dict[str, Any]:
    api_id = {"Ref": "Api"}
    invoke = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/${%s.Arn}/invocations"
    return {
        "Api": resource(
            "ApiGatewayV2::Api",
            Name="Tiny",
            ProtocolType="HTTP",
            CorsConfiguration={"AllowOrigins": {"Ref": "CorsOrigins"}, "AllowMethods": ["GET", "POST"]},
        ),
        "Authorizer": resource(
            "ApiGatewayV2::Authorizer",
            ApiId=api_id,
            Name="Bearer",
            AuthorizerType="REQUEST",
            AuthorizerPayloadFormatVersion="2.0",
            AuthorizerResultTtlInSeconds=0,
            AuthorizerUri={"Fn::Sub": invoke % "Authorize"},
            EnableSimpleResponses=True,
            IdentitySource=["$request.header.Authorization"],
        ),
        "Integration": resource(
            "ApiGatewayV2::Integration",
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=arn("Echo"),
            PayloadFormatVersion="2.0",
        ),
        "Route": resource(
            "ApiGatewayV2::Route",
            ApiId=api_id,
            RouteKey="POST /v1/echo/{name}",
            AuthorizationType="CUSTOM",
            AuthorizerId={"Ref": "Authorizer"},
            Target={"Fn::Sub": "integrations/${Integration}"},
        ),
        "EchoCalled": resource(
            "Lambda::Permission",
            FunctionName=arn("Echo"),
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn={"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/*"},
        ),
        "ToDouble": resource(
            "ApiGatewayV2::Integration",
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=arn("Double"),
            PayloadFormatVersion="2.0",
        ),
        "NotAllowed": resource(
            "ApiGatewayV2::Route",
            ApiId=api_id,
            RouteKey="POST /v1/double",
            Target={"Fn::Sub": "integrations/${ToDouble}"},
        ),
        "Stage": resource("ApiGatewayV2::Stage", ApiId=api_id, StageName="$default", AutoDeploy=True),
    }


def permissions() -> dict[str, Any]:
    """A role, and a policy that stands for itself."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    wake = {"Effect": "Allow", "Action": "states:SendTaskSuccess", "Resource": {"Ref": "Machine"}}
    return {
        "Role": resource("IAM::Role", AssumeRolePolicyDocument=policy(trust)),
        "Wake": resource(
            "IAM::Policy", PolicyName="Wake", PolicyDocument=policy(wake), Roles=[{"Ref": "Role"}]
        ),
    }


def policy(statement: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement]}


def resource(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{name}", "Properties": properties}


def arn(function: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [function, "Arn"]}
